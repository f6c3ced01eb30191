"""The overview's parts: shapes on their way through the net, the layers between, and where each stands on the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cnnkit.exporters.svg.canvas import MARGIN, ROOM
from cnnkit.exporters.svg.lettering import count, cut, shape_text, shown, width
from cnnkit.exporters.svg.network import Place, Shape

_LEAST_GAP, _WIDEST_GAP = 44, 230
_SMALL, _LARGE = 22, 108
_SHEETS, _STEP = 8, 5
_CELLS, _CELL = 16, 9
_WEIGHING = {"Conv2D", "Dense"}


@dataclass
class Stage:
    """A shape, the layers that lead to it and their parameters; w by h px, its middle at x. scale: px a pixel."""

    shape: Shape
    layers: Sequence[Place] = ()
    parameters: int = 0
    noun: str = ""
    scale: float = 0
    x: float = 0
    below: list[str] = field(default_factory=list)

    @property
    def sheet(self) -> tuple[float, float]:
        """Width and height in px of one map, or of the bar that stands for a row of numbers."""
        if len(self.shape) == 3:
            tall, wide = (min(_SMALL + (_LARGE - _SMALL) * n * self.scale, _LARGE) for n in self.shape[1:])
            return round(wide), round(tall)
        number = math.prod(self.shape)
        return 13, (_CELL * number if number <= _CELLS else round(min(40 + 11 * math.log2(number), 160)))

    @property
    def sheets(self) -> int:
        """How many maps are drawn, one behind the other."""
        return min(self.shape[0], _SHEETS) if len(self.shape) == 3 else 1

    @property
    def depth(self) -> float:
        """How far in px the last map stands from the first, to the right and down."""
        return _STEP * (self.sheets - 1)

    @property
    def cells(self) -> int:
        """Into how many cells the bar is divided: one a number when they are few."""
        number = math.prod(self.shape)
        return number if len(self.shape) != 3 and number <= _CELLS else 1

    @property
    def half(self) -> float:
        """Half the width in px of all maps."""
        return (self.sheet[0] + self.depth) / 2

    @property
    def above(self) -> tuple[str, str]:
        """What the shape is, in two lines."""
        return self.noun, f"{self.shape[0]:,}" if len(self.shape) == 1 else shape_text(self.shape)

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of what the last layer that has a window sees at a time."""
        found = [place.window for place in self.layers if place.window is not None]
        return found[-1] if found else None


def stages_of(shape: Shape | None, layers: Sequence[Place], parameters: dict[str, int]) -> list[Stage]:
    """Return the stages: one after each layer that weighs its input or changes its shape.

    parameters: {path of a layer: how many it has}.
    """
    stages = [Stage(shape, noun="input")] if shape else []
    waiting: list[Place] = []
    for place in layers:
        waiting.append(place)
        makes = place.type in _WEIGHING or place.children or (stages and place.output_shape != stages[-1].shape)
        if stages and place.output_shape and makes:
            stages.append(_stage(place.output_shape, waiting, parameters))
            waiting = []
    if waiting and stages:
        stages.append(_stage(stages[-1].shape, waiting, parameters))
    if len(stages) > 1:
        stages[-1].noun = "output"
    images = [stage.shape for stage in stages if len(stage.shape) == 3]
    largest = max((max(image[1:]) for image in images), default=1)
    for stage in stages:
        stage.scale = 1 / largest
    return stages


def _stage(shape: Shape, layers: list[Place], parameters: dict[str, int]) -> Stage:
    own = sum(number for path, number in parameters.items() if path.split(".")[0] in {place.path for place in layers})
    dense = any(place.type == "Dense" for place in layers)
    noun = "maps" if len(shape) == 3 else "neurons" if dense else "values"
    below = [cut(shown(place.label, 40), 120) for place in layers]
    if len(below) > 6:
        below = [*below[:5], f"{len(below) - 5} more"]
    return Stage(shape, layers, own, noun, below=below + ([count(own, "parameter")] if own else []))


def rows_of(stages: list[Stage]) -> list[list[Stage]]:
    """Give every stage its x, so that neither shapes nor the texts above and below touch; return them row by row."""
    rows: list[list[Stage]] = []
    for stage in stages:
        if rows and _place(rows[-1], stage):
            rows[-1].append(stage)
        else:
            stage.x = MARGIN + max(stage.half, _wide(stage.above) / 2, _wide(stage.below) / 2)
            rows.append([stage])
    for row in rows:
        spare = MARGIN + ROOM - row[-1].x - max(row[-1].half, _wide(row[-1].above) / 2)
        for index, stage in enumerate(row):
            stage.x = round(stage.x + index * min(spare / max(len(row) - 1, 1), _WIDEST_GAP - _LEAST_GAP))
    return rows


def _place(row: list[Stage], stage: Stage) -> bool:
    """Put a stage at the end of a row; return whether there is room."""
    last = row[-1]
    x = last.x + max(last.half + _LEAST_GAP + stage.half, (_wide(last.above) + _wide(stage.above)) / 2 + 14)
    if len(row) > 1 or last.below:  # the texts below stand in the middle between two stages, a row's first below it
        before = (row[-2].x + row[-2].half + last.x - last.half) / 2 if len(row) > 1 else last.x
        middle = before + (_wide(last.below) + _wide(stage.below)) / 2 + 14
        x = max(x, 2 * middle - last.x - last.half + stage.half)
    stage.x = x
    return x + max(stage.half, _wide(stage.above) / 2) <= MARGIN + ROOM


def _wide(lines: Sequence[str]) -> float:
    return max((width(line, bold=True) for line in lines), default=0)
