"""Where boxes and lanes lie: regions between which one value flows, stacked in columns, their boxes in rows."""

import math
from dataclasses import dataclass, field

from cnnkit.exporters.svg.canvas import ROOM
from cnnkit.exporters.svg.graph.boxes import GraphBox, measure_box
from cnnkit.exporters.svg.graph.folding import Folded
from cnnkit.exporters.svg.graph.links import Links

GAP, LANE, SPACE = 24, 12, 18  # px between rows, lanes, and boxes of a row
BETWEEN = 56  # px between columns
COUNT = 40  # px at the left for how often a block comes
_TALL = 900
_MOST_LANES = 14


@dataclass
class Region:
    """Boxes of which one value comes in and one goes on.

    rows   the numbers of its boxes, from top to bottom
    lanes  {edge: lane at the right}, of edges that pass a row
    """

    rows: list[list[int]]
    width: float
    height: float
    lanes: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def reach(self) -> float:
        """Width in px with the lanes at the right."""
        return self.width + 2 * LANE * (max(self.lanes.values(), default=-1) + 1)


@dataclass(frozen=True)
class GraphLayout:
    """The boxes with their places, in columns of regions, and the width and height of all in px."""

    boxes: list[GraphBox]
    columns: list[list[Region]]
    width: float
    height: float


def lay_out(folded: Folded, parameters: dict[str, int]) -> GraphLayout:
    """Return the places of all boxes, from (0, 0). parameters: {name of an outer layer: number of its parameters}."""
    repeated = {i: repeat.times for repeat in folded.repeats for i in range(repeat.first, repeat.last + 1)}
    boxes = [measure_box(vertex, parameters, repeated.get(i, 1)) for i, vertex in enumerate(folded.vertices)]
    regions = [_lay_out_region(part, folded.edges, boxes) for part in _cut(folded)]
    margin = COUNT if folded.repeats else 0
    widest = margin + max(region.reach for region in regions)
    total = sum(region.height + GAP for region in regions)
    count = max(1, min(int((ROOM + BETWEEN) // (widest + BETWEEN)), math.ceil(total / _TALL)))
    columns, x, tallest = _break_columns(regions, total / count), 0.0, 0.0
    for column in columns:
        wide, y = (
            max(region.reach for region in column) + margin,
            float(GAP),
        )  # room for the line from the column before
        for region in column:
            _place(region, boxes, x + (wide + margin) / 2, y)
            y += region.height + GAP
        x, tallest = x + wide + BETWEEN, max(tallest, y)
    return GraphLayout(boxes, columns, x - BETWEEN, tallest)


def _cut(folded: Folded) -> list[range]:
    """Return the boxes in ranges between which one value flows at most."""
    parts, begin = list[range](), 0
    for index, cut in enumerate(Links(folded.vertices, folded.edges).find_cuts()):
        if cut or index == len(folded.vertices) - 1:
            parts.append(range(begin, index + 1))
            begin = index + 1
    return parts


def _lay_out_region(part: range, edges: dict[tuple[int, int], int], boxes: list[GraphBox]) -> Region:
    inner = [edge for edge in edges if edge[1] in part]
    depth = dict.fromkeys(part, 0)
    for a, b in sorted(inner, key=lambda edge: edge[1]):
        if a in depth:
            depth[b] = max(depth[b], depth[a] + 1)
    rows: list[list[int]] = [[] for _ in range(max(depth.values()) + 1)]
    for index in part:
        rows[depth[index]].append(index)
    rows = [part for row in rows for part in _break_row(row, boxes)]
    depth = {index: number for number, row in enumerate(rows) for index in row}
    wide = max(sum(boxes[i].width for i in row) + SPACE * (len(row) - 1) for row in rows)
    height = sum(max(boxes[i].height for i in row) for row in rows) + GAP * (len(rows) - 1)
    region = Region(rows, wide, height)
    spans = {(a, b): (depth.get(a, -1), depth[b]) for a, b in inner}
    passing = [edge for edge, (top, bottom) in spans.items() if bottom > top + 1]
    taken: list[list[tuple[int, int]]] = []
    for edge in sorted(passing, key=lambda edge: (spans[edge][1] - spans[edge][0], edge)):
        top, bottom = spans[edge]
        free = (i for i, lane in enumerate(taken) if all(end <= top or bottom <= start for start, end in lane))
        lane = next(free, min(len(taken), _MOST_LANES - 1))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((top, bottom))
        region.lanes[edge] = lane
    return region


def _break_row(row: list[int], boxes: list[GraphBox]) -> list[list[int]]:
    """Return the row in parts that the page has room for."""
    parts: list[list[int]] = []
    room = 0.0
    for index in row:
        if not parts or boxes[index].width > room:
            parts.append([])
            room = ROOM - 2 * LANE * _MOST_LANES
        parts[-1].append(index)
        room -= boxes[index].width + SPACE
    return parts


def _break_columns(regions: list[Region], height: float) -> list[list[Region]]:
    columns: list[list[Region]] = [[]]
    filled = 0.0
    for region in regions:
        if columns[-1] and filled + region.height / 2 > height * len(columns):
            columns.append([])
        columns[-1].append(region)
        filled += region.height + GAP
    return columns


def _place(region: Region, boxes: list[GraphBox], x: float, y: float) -> None:
    """Set the middle x and the top y of a region's boxes."""
    for row in region.rows:
        tall = max(boxes[i].height for i in row)
        left = x - (sum(boxes[i].width for i in row) + SPACE * (len(row) - 1)) / 2
        for index in row:
            box = boxes[index]
            box.x, box.y = round(left + box.width / 2, 1), round(y + (tall - box.height) / 2, 1)
            left += box.width + SPACE
        y += tall + GAP
