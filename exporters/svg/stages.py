"""The stages of the overview: the shapes from input to output, the layers between, and their places on the page."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnkit.exporters.core.architecture import LayerEntry, Shape
from cnnkit.exporters.svg.canvas import MARGIN, ROOM
from cnnkit.exporters.svg.lettering import cut, format_shape, make_safe, measure
from cnnkit.exporters.svg.network import describe, window_of
from cnnkit.files.names import format_count

_LEAST_GAP, _WIDEST_GAP = 44, 230
_SMALL, _LARGE = 22, 108
_MAPS, _STEP = 8, 5
_CELLS, _CELL = 16, 9
_WEIGHTED = {"Conv1D", "Conv2D", "Conv3D", "Dense"}


@dataclass
class Stage:
    """A shape, the layers that lead to it and the number of their parameters, its middle at x px.

    scale: one over the longest side of all images. below: the lines of text below.
    """

    shape: Shape
    layers: Sequence[LayerEntry] = ()
    parameters: int = 0
    noun: str = ""
    scale: float = 0
    x: float = 0
    below: list[str] = field(default_factory=list)

    @property
    def map_size(self) -> tuple[float, float]:
        """Width and height in px of one map, or of the bar of a row of numbers."""
        if len(self.shape) == 3:
            tall, wide = (min(_SMALL + (_LARGE - _SMALL) * n * self.scale, _LARGE) for n in self.shape[1:])
            return round(wide), round(tall)
        number = math.prod(self.shape)
        return 13, (_CELL * number if number <= _CELLS else round(min(40 + 11 * math.log2(number), 160)))

    @property
    def maps(self) -> int:
        """How many maps are drawn, one behind the other."""
        return min(self.shape[0], _MAPS) if len(self.shape) == 3 else 1

    @property
    def depth(self) -> float:
        """Distance in px from the first map to the last, to the right and down."""
        return _STEP * (self.maps - 1)

    @property
    def cells(self) -> int:
        """Into how many cells the bar is divided: one per number when they are few, else one."""
        number = math.prod(self.shape)
        return number if len(self.shape) != 3 and number <= _CELLS else 1

    @property
    def half(self) -> float:
        """Half the width in px of all maps."""
        return (self.map_size[0] + self.depth) / 2

    @property
    def above(self) -> tuple[str, str]:
        """The two lines of text above: what the values are, and the shape."""
        return self.noun, f"{self.shape[0]:,}" if len(self.shape) == 1 else format_shape(self.shape)

    @property
    def reach(self) -> float:
        """Distance in px from the middle to the right end of the maps or of the text above."""
        return max(self.half, _measure_widest(self.above) / 2)

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of the window over images of the last layer that has one."""
        windows = [window for layer in self.layers if (window := window_of(layer)) is not None and len(window) == 2]
        return (windows[-1][0], windows[-1][1]) if windows else None


def find_stages(shape: Shape | None, layers: Sequence[LayerEntry], parameters: dict[str, int]) -> list[Stage]:
    """Return the stages: one after each layer that has weights or changes the shape.

    parameters: {path of a layer: number of its parameters}.
    """
    stages = [Stage(shape, noun="input")] if shape else []
    waiting: list[LayerEntry] = []
    owned = Counter[str]()
    for path, number in parameters.items():
        owned[path.split(".")[0]] += number
    for layer in layers:
        waiting.append(layer)
        makes = layer.type in _WEIGHTED or layer.children or (stages and layer.output_shape != stages[-1].shape)
        if stages and layer.output_shape and makes:
            stages.append(_make_stage(layer.output_shape, waiting, owned))
            waiting = []
    if waiting and stages:
        stages.append(_make_stage(stages[-1].shape, waiting, owned))
    if len(stages) > 1:
        stages[-1].noun = "output"
    images = [stage.shape for stage in stages if len(stage.shape) == 3]
    largest = max((max(image[1:]) for image in images), default=1)
    for stage in stages:
        stage.scale = 1 / largest
    return stages


def _make_stage(shape: Shape, layers: list[LayerEntry], owned: Mapping[str, int]) -> Stage:
    """owned: {first part of a path: number of the parameters below it}."""
    own = sum(owned.get(path, 0) for path in {layer.path for layer in layers})
    dense = any(layer.type == "Dense" for layer in layers)
    noun = "maps" if len(shape) == 3 else "neurons" if dense else "values"
    below = [cut(make_safe(describe(layer), 40), 120) for layer in layers[:6]]
    if len(layers) > 6:
        below = [*below[:5], f"{len(layers) - 5} more"]
    return Stage(shape, layers, own, noun, below=below + ([format_count(own, "parameter")] if own else []))


def arrange_rows(stages: list[Stage]) -> list[list[Stage]]:
    """Set the x of every stage so that neither shapes nor texts touch; return the stages row by row."""
    rows: list[list[Stage]] = []
    for stage in stages:
        if rows and _place_last(rows[-1], stage):
            rows[-1].append(stage)
        else:
            stage.x = MARGIN + max(stage.reach, _measure_widest(stage.below) / 2)
            rows.append([stage])
    for row in rows:
        spare = MARGIN + ROOM - row[-1].x - row[-1].reach
        for index, stage in enumerate(row):
            stage.x = round(stage.x + index * min(spare / max(len(row) - 1, 1), _WIDEST_GAP - _LEAST_GAP))
    return rows


def _place_last(row: list[Stage], stage: Stage) -> bool:
    """Set the x of a stage to the end of a row; return whether the row has room for it."""
    last = row[-1]
    x = last.x + max(
        last.half + _LEAST_GAP + stage.half, (_measure_widest(last.above) + _measure_widest(stage.above)) / 2 + 14
    )
    if len(row) > 1 or last.below:  # texts below lie midway between two stages, the first one below its stage
        before = (row[-2].x + row[-2].half + last.x - last.half) / 2 if len(row) > 1 else last.x
        middle = before + (_measure_widest(last.below) + _measure_widest(stage.below)) / 2 + 14
        x = max(x, 2 * middle - last.x - last.half + stage.half)
    stage.x = x
    return x + stage.reach <= MARGIN + ROOM


def _measure_widest(lines: Sequence[str]) -> float:
    return max((measure(line, bold=True) for line in lines), default=0)
