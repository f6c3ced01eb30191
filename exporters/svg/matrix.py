"""A matrix: a row of cells for each output, the bias as a column of its own."""

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Sheet
from cnnkit.exporters.svg.lettering import cut
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.exporters.svg.strips import LABEL
from cnnkit.exporters.svg.tiles import Cells, tile

NUMBERED = 40
_TALL = 100


def cell_size(values: ScaledTensor) -> int:
    """Return the side of a cell, 0 where the matrix is too wide or tall to be drawn as one."""
    rows, columns = values.tensor.shape
    if rows > max(_TALL, 8 * columns):
        return 0
    room = ROOM - LABEL - 40
    if values.titled and values.tensor.parameters <= 500 and columns * 40 <= room:
        return NUMBERED
    ladder = (12, 5000), (8, 12_000), (6, 20_000), (4, 40_000), (3, 1 << 62)
    sizes = [size for size, most in ladder if values.tensor.parameters <= most] if values.titled else []
    return next((size for size in (*sizes, 2, 1) if size * columns <= room and size * rows <= 4000), 0)


def draw_matrix(sheet: Sheet, values: ScaledTensor, bias: ScaledTensor | None) -> bool:
    """Put a matrix (out, in) on the page. Return whether the bias stands beside it."""
    canvas, size = sheet.canvas, cell_size(values)
    rows, columns = values.tensor.shape
    tall = 28 if size == NUMBERED else size
    beside = bias is not None and bias.titled and size > 2
    left = MARGIN + LABEL
    drawn = []
    top = sheet.y + 18
    if bias is not None and beside:
        wide = max(size, 12)
        drawn.append(canvas.text(left, top - 6, "bias", "s"))
        drawn.append(tile(canvas, bias, 0, rows, (left, top), Cells(1, wide, tall), size == NUMBERED))
        left += max(wide, 28) + 12
    across, down = (values.tensor.axes[1], values.tensor.axes[0]) if len(values.tensor.axes) == 2 else ("in", "out")
    names = {"in": "inputs", "out": "outputs"}
    drawn.append(canvas.text(left, top - 6, cut(f"{columns} {names.get(across, 'columns')} →", 160), "s"))
    drawn.append(tile(canvas, values, 0, rows * columns, (left, top), Cells(columns, size, tall), size == NUMBERED))
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if step * tall >= 18 or step == 5000)
    drawn.append(canvas.text(MARGIN, top - 6, cut(f"{rows} {names.get(down, 'rows')} ↓", LABEL - 8), "s"))
    for row in range(0, rows, step):
        drawn.append(canvas.text(MARGIN + LABEL - 8, top + row * tall + min(tall / 2 + 4, 11), str(row), "s r"))
    sheet.add(canvas.group(drawn))
    sheet.y = top + max(rows * tall, 14) + 14
    return beside
