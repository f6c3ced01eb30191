"""The edges of a laid out graph: straight to the next row, in lanes at the right past other rows, between columns."""

from collections.abc import Iterator, Sequence

from cnnkit.exporters.svg.canvas import Canvas, Element
from cnnkit.exporters.svg.graph.boxes import CIRCLE, GraphBox
from cnnkit.exporters.svg.graph.layout import BETWEEN, GAP, LANE, GraphLayout, Region

_ROUND = 5  # px, the radius of corners
_Point = tuple[float, float]
_Edges = dict[tuple[int, int], int]


def draw_edges(canvas: Canvas, layout: GraphLayout, edges: _Edges) -> Iterator[Element]:
    """Yield every edge with its arrow."""
    into: dict[int, list[tuple[int, int]]] = {}
    for a, b in edges:
        into.setdefault(b, []).append((a, b))
    lines, tips, words = list[str](), list[str](), list[Element]()
    right: float = 0
    for number, column in enumerate(layout.columns):
        own = {index for region in column for row in region.rows for index in row}
        port: _Point | None = None
        for region in column:
            for index in (index for row in region.rows for index in row):
                for edge in into.get(index, []):
                    start = _find_bottom(layout.boxes[edge[0]])
                    if edge[0] not in own:  # it comes from the column before
                        if port is None:
                            port = _find_port(layout, region)
                            lines.append(_round([start, (start[0], start[1] + 8), (right, start[1] + 8),
                                                 (right, port[1]), port]))  # fmt: skip
                        start = port
                    _draw_edge(layout, region, edge, start, edges[edge], lines, tips)
                    if edges[edge] > (1 if edge in region.lanes else 2):
                        words.append(canvas.text(start[0] + 6, start[1] + 12, f"{edges[edge]}×", "s"))
        if number + 1 < len(layout.columns):
            right = _find_right(layout, column) + BETWEEN / 2
    yield canvas.path("".join(lines), "flow")
    yield canvas.path("".join(tips), "tip")
    yield from words


def _draw_edge(
    layout: GraphLayout,
    region: Region,
    edge: tuple[int, int],
    start: _Point,
    uses: int,
    lines: list[str],
    tips: list[str],
) -> None:
    end = layout.boxes[edge[1]]
    x, y = _find_top(end)
    if edge not in region.lanes:
        for shift in (-5, 5) if uses == 2 else (0,):
            middle = (start[1] + y) / 2
            curve = (
                f"V{y - 6:g}"
                if start[0] == x
                else f"C{start[0] + shift:g} {middle:g} {x + shift:g} {middle:g} {x + shift:g} {y - 6:g}"
            )
            lines.append(f"M{start[0] + shift:g} {start[1]:g}{curve}")
            tips.append(f"M{x + shift:g} {y:g}l-3.5 -7h7z")
        return
    row = next(row for row in region.rows if edge[1] in row)
    right = max(layout.boxes[i].x + layout.boxes[i].width / 2 for row in region.rows for i in row)
    lane = right + LANE * (region.lanes[edge] + 1)
    leave = start[1] + 7
    if row[-1] == edge[1]:  # nothing lies between it and the lanes
        wide, middle = end.end
        lines.append(_round([start, (start[0], leave), (lane, leave), (lane, middle), (x + wide + 6, middle)]))
        tips.append(f"M{x + wide:g} {middle:g}l7 -3.5v7z")
        return
    above = min(_find_top(layout.boxes[i])[1] for i in row) - GAP / 2
    lines.append(_round([start, (start[0], leave), (lane, leave), (lane, above), (x, above), (x, y - 6)]))
    tips.append(f"M{x:g} {y:g}l-3.5 -7h7z")


def _find_top(box: GraphBox) -> _Point:
    return box.x, (box.end[1] - CIRCLE / 2 if box.sign else box.y)


def _find_bottom(box: GraphBox) -> _Point:
    return box.x, (box.end[1] + CIRCLE / 2 if box.sign else box.y + box.height)


def _find_port(layout: GraphLayout, region: Region) -> _Point:
    """Return where the line from the column before comes in: above the first row of a region."""
    row = [layout.boxes[index] for index in region.rows[0]]
    left, right = row[0].x - row[0].width / 2, row[-1].x + row[-1].width / 2
    return (left + right) / 2, min(box.y for box in row) - GAP


def _find_right(layout: GraphLayout, column: Sequence[Region]) -> float:
    """Return the right end in px of a column, with its lanes."""
    return max(
        max(layout.boxes[i].x + layout.boxes[i].width / 2 for row in region.rows for i in row)
        + LANE * (max(region.lanes.values(), default=-1) + 1)
        for region in column
    )


def _round(points: Sequence[_Point]) -> str:
    """Return a path along points with rounded corners."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (ax, ay), (bx, by), (cx, cy) in zip(points, points[1:], points[2:], strict=False):
        near = min(_ROUND, abs(bx - ax) + abs(by - ay), (abs(cx - bx) + abs(cy - by)) / 2)
        before = bx - near * _sign(bx - ax), by - near * _sign(by - ay)
        after = bx + near * _sign(cx - bx), by + near * _sign(cy - by)
        path += f"L{before[0]:g} {before[1]:g}Q{bx:g} {by:g} {after[0]:g} {after[1]:g}"
    return f"{path}L{points[-1][0]:g} {points[-1][1]:g}"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
