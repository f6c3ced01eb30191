"""Draws a laid out graph: boxes and circles, edges with arrows, frames around blocks that come several times."""

from collections.abc import Iterator, Mapping

from cnnkit.exporters.svg.canvas import MARGIN, Canvas, Element, Sheet
from cnnkit.exporters.svg.graph.arrows import draw_edges
from cnnkit.exporters.svg.graph.boxes import CIRCLE, LINE, GraphBox
from cnnkit.exporters.svg.graph.folding import Folded, Repeat, fold
from cnnkit.exporters.svg.graph.layout import lay_out
from cnnkit.exporters.svg.graph.links import Links
from cnnkit.exporters.svg.lettering import make_safe
from cnnkit.files.names import format_count


def draw_graph(sheet: Sheet, links: Links, parameters: Mapping[str, int]) -> float:
    """Put the graph on the page; return the right end in px. parameters: {path of a layer: their number}."""
    counts: dict[str, int] = {}
    for path, number in parameters.items():
        outer = path.split(".", 1)[0]
        counts[outer] = counts.get(outer, 0) + number
    folded = fold(links)
    layout = lay_out(folded, counts)
    drawn = list[Element]()
    for words in _explain(links, folded):
        drawn.append(sheet.canvas.text(MARGIN, sheet.y, words, "s"))
        sheet.y += 18
    top = sheet.y - 8
    for box in layout.boxes:
        box.x, box.y = box.x + MARGIN, box.y + top
    for repeat in folded.repeats:
        drawn += _draw_frame(sheet.canvas, layout.boxes, repeat)
    drawn += draw_edges(sheet.canvas, layout, folded.edges)
    for box in layout.boxes:
        drawn += _draw_box(sheet.canvas, box)
    sheet.y = top + layout.height + 6
    if folded.rest:
        words = f"and {format_count(folded.rest, 'more layer')} after them"
        drawn.append(sheet.canvas.text(MARGIN, sheet.y, words, "s"))
        sheet.y += 18
    sheet.add(sheet.canvas.group(drawn))
    return MARGIN + layout.width


def _explain(links: Links, folded: Folded) -> Iterator[str]:
    layers = sum(bool(vertex.layers) for vertex in links.vertices)
    hidden = sum(len(vertex.hidden) for vertex in folded.vertices)
    if hidden:
        drawn = f"{layers - hidden:,} are drawn: blocks that repeat are there once, in a frame"
        yield f"{layers:,} layers, of which {drawn}"


def _draw_box(canvas: Canvas, box: GraphBox) -> Iterator[Element]:
    if not box.sign:
        yield canvas.rect(box.x - box.width / 2, box.y, box.width, box.height, "glyph", box.title or None, rx=4)
        for index, line in enumerate(box.lines):
            yield canvas.text(box.x, box.y + 16 + LINE * index, line, "m b" if not index else "m s")
        return
    middle = box.end[1]
    yield canvas.circle(box.x, middle, CIRCLE / 2, "glyph")
    yield canvas.text(box.x, middle + 4, box.sign, "m b")
    for index, line in enumerate(box.lines):
        y = middle + 4 + LINE * (index - (len(box.lines) - 1) / 2)
        yield canvas.text(box.x - CIRCLE / 2 - 6, y, line, "r s")  # lanes end at the right


def _draw_frame(canvas: Canvas, boxes: list[GraphBox], repeat: Repeat) -> Iterator[Element]:
    """Draw a dashed frame around a block, and how often it comes; only the number where other boxes lie within."""
    inside = boxes[repeat.first : repeat.last + 1]
    left, right = min(b.x - b.width / 2 for b in inside) - 7, max(b.x + b.width / 2 for b in inside) + 7
    top, bottom = min(b.y for b in inside) - 7, max(b.y + b.height for b in inside) + 7
    others = (*boxes[: repeat.first], *boxes[repeat.last + 1 :])
    words = f"{repeat.times}×"
    beside = (b for b in others if left < b.x + b.width / 2 and b.x - b.width / 2 < right)
    if not any(top < b.y + b.height and b.y < bottom for b in beside):
        title = f"{repeat.times} times, from {make_safe(repeat.names[0])} to {make_safe(repeat.names[1])}"
        yield canvas.rect(left, top, right - left, bottom - top, "flow", title, rx=6, stroke_dasharray="4 3")
    yield canvas.text(left - 5, top + 14, words, "r b")
