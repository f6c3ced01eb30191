"""A row of numbers: biases and normalisation parameters as strips of cells."""

import math

from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Element, Sheet
from cnnkit.exporters.svg.legend import PLAIN, scale_note
from cnnkit.exporters.svg.lettering import CellNumbers, cut, shown, signed
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.exporters.svg.tiles import Cells, tile

LABEL = 118
_WITH_NUMBERS = 52


def strip(sheet: Sheet, values: ScaledTensor, unit: int = 8) -> None:
    """Put a tensor, seen as one row, on the page: its name and scale at the left. Lines break after whole units."""
    canvas, n = sheet.canvas, values.tensor.parameters
    numbers = values.titled and n <= _WITH_NUMBERS
    cells = _cells(n, numbers, values.titled, unit)
    tensor = values.tensor
    plain = tensor.kind == "activation" or not tensor.layer
    name = values.name if plain else tensor.role if tensor.role != "other" else tensor.name.rpartition(".")[2]
    drawn: list[Element] = [canvas.text(MARGIN, sheet.y + 11, cut(shown(name), LABEL - 8, bold=True), "b")]
    drawn += [canvas.text(MARGIN, sheet.y + 26, cut(_facts(values, numbers), LABEL - 8), "s")]
    height = 28.0
    if n:
        drawn.append(tile(canvas, values, 0, n, (MARGIN + LABEL, sheet.y), cells, numbers))
        height = max(height, cells.extent(n)[1])
    note = scale_note(values)
    if note and note != PLAIN:
        height += 16
        drawn.append(canvas.text(MARGIN + LABEL, sheet.y + height - 2, cut(note, ROOM - LABEL), "s"))
    sheet.add(canvas.group(drawn, "u"))
    sheet.y += height + 12


def _cells(n: int, numbers: bool, titled: bool, unit: int) -> Cells:
    if numbers and n:
        lines = -(-n // int((ROOM - LABEL) // 41))
        return Cells(-(-n // lines), 41, 28)
    if titled:
        size = 12 if n <= 1000 else 6 if n <= 10_000 else 3
        return Cells(_whole((ROOM - LABEL) // size, unit), size, size)
    return Cells(_whole(max(256, min(ROOM - LABEL, math.isqrt(max(n, 1)))), unit), 1, 1)


def _whole(cells: int, unit: int) -> int:
    return cells // unit * unit or cells


def _facts(values: ScaledTensor, numbers: bool) -> str:
    if not values.tensor.parameters:
        return "empty"
    if not values.scale.limit:
        return "all zero" if not values.scale.nans + values.scale.infinities else "no finite value but 0"
    writer = CellNumbers(values.scale.largest)
    if numbers and writer.power:
        return f"±{values.scale.limit / 10.0**writer.power:.2f} {writer.note()}"
    return f"±{signed(values.scale.limit, plus=False)}"
