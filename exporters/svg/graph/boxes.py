"""A box of the graph: its lines of text, its size, its place."""

from dataclasses import dataclass

from cnnkit.exporters.core.architecture import Shape
from cnnkit.exporters.svg.graph.folding import list_words
from cnnkit.exporters.svg.graph.links import Vertex
from cnnkit.exporters.svg.lettering import cut, format_shape, make_safe, measure
from cnnkit.files.names import format_count

LINE, PAD = 15, 6  # px
CIRCLE = 22  # px, the circle of a join
_WIDEST = 240
_SIGNS = {"Add": "+", "Subtract": "−", "Multiply": "×", "Divide": "÷"}


@dataclass
class GraphBox:
    """What is drawn for layers that follow each other: middle x, top y, width and height in px.

    sign   in the circle of a join, "" for a box
    lines  of text, of which the first is bold; beside the circle
    title  the names of the layers
    uses   how often the network runs it
    """

    sign: str
    lines: list[str]
    title: str
    width: float
    height: float
    uses: int = 1
    x: float = 0
    y: float = 0

    @property
    def end(self) -> tuple[float, float]:
        """Half the width in px of the box or circle, where edges end; the middle of its height."""
        return (CIRCLE / 2 if self.sign else self.width / 2), self.y + self.height / 2


def measure_box(vertex: Vertex, parameters: dict[str, int], times: int) -> GraphBox:
    """Return the box of a vertex.

    parameters: {name of an outer layer: their number}. times: how many blocks it stands for.
    """
    words, shapes = list_words(vertex.layers), _format_shapes(vertex.shapes)
    shapes += f" to {_format_shapes(vertex.grown)}" if vertex.grown else ""
    count = sum(parameters.get(layer.path, 0) for layer in (*vertex.layers, *vertex.hidden) if not layer.shares)
    sign = _SIGNS.get(vertex.layers[0].type, "") if vertex.layers else ""
    first = make_safe(vertex.name) if vertex.name else "" if sign else words[0]
    more = words[1:] if len(words) <= 5 else [*words[1:4], f"{len(words) - 4} more layers"]
    if vertex.layers and vertex.layers[0].shares:
        more.append(f"with the weights of {make_safe(vertex.layers[0].shares, 30)}")
    numbers = format_count(count, "parameter") + (" in all" if times > 1 else "") if count else ""
    lines = [first, *_pack(more), shapes, numbers, f"used {vertex.uses} times" if vertex.uses > 1 else ""]
    kept = [cut(line, _WIDEST, bold=i == 0) for i, line in enumerate(lines) if line]
    wide = max((measure(line, bold=i == 0 and bool(first)) for i, line in enumerate(kept)), default=0)
    names = [make_safe(layer.name or layer.path) for layer in (*vertex.layers, *vertex.hidden)]
    title = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    if sign:
        return GraphBox(sign, kept, title, CIRCLE + 2 * (wide + 6), max(CIRCLE, LINE * len(kept)), vertex.uses)
    return GraphBox("", kept, title, wide + 2 * PAD, LINE * len(kept) + 2 * PAD - 2, vertex.uses)


def _format_shapes(shapes: tuple[Shape, ...]) -> str:
    more = f" and {len(shapes) - 3} more" if len(shapes) > 3 else ""
    return " and ".join(map(format_shape, shapes[:3])) + more


def _pack(words: list[str]) -> list[str]:
    """Return words in lines of about 30 characters."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < 30:
            lines[-1] += f", {word}"
        else:
            lines.append(word)
    return lines
