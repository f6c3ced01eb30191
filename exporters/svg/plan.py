"""How a tensor is drawn, decided once: as blocks of maps, a matrix or a strip, with the size of every cell."""

import math
from dataclasses import dataclass

from cnnkit.exporters.core.architecture import Shape
from cnnkit.exporters.svg.block_plan import NUMBERED, Blocks, Folding, plan_blocks
from cnnkit.exporters.svg.canvas import LABEL, ROOM, Cells
from cnnkit.exporters.svg.lettering import CellNumbers, format_signed, measure
from cnnkit.exporters.svg.scale import ScaledTensor

_MAX_UNITS = 2000
_MAX_NUMBERED, _MAX_STRIP_NUMBERED = 500, 52
_TALL, _TALLEST = 100, 4000
_NUMBER = 41  # px, the width of a cell with a number
_NOUNS = {"o": "kernel", "out": "neuron", "i": "input"}


@dataclass(frozen=True)
class Matrix:
    """One row of cells per output. Fields as in `Blocks`; the bias is a column beside the rows."""

    outputs: int
    numbers: CellNumbers | None
    note: str
    cells: Cells
    has_bias_room: bool


@dataclass(frozen=True)
class Strip:
    """All values as one row of cells, in lines. scale: where its colours end, in words.

    outputs: the rows of a matrix that is too wide or tall to be drawn as one, else 0.
    """

    outputs: int
    numbers: CellNumbers | None
    scale: str
    cells: Cells


def plan(values: ScaledTensor, image: Shape | None = None) -> Blocks | Matrix | Strip:
    """Return the form that shows a tensor best. image: the (C, H, W) that each of its rows was flattened from."""
    shape, count = values.tensor.shape, values.tensor.parameters
    is_matrix = len(shape) == 2 and count > 0
    size = _find_matrix_cell(values) if is_matrix else 0
    folding = _fold(values, image, size)
    numbers = CellNumbers(values.scale.largest) if values.titled and count else None
    if folding is not None:
        few = count <= _MAX_NUMBERED and max(-(-folding.size // folding.columns), folding.columns) <= 5
        numbers = numbers if few else None
        return plan_blocks(folding, numbers, _explain(values, folding, numbers), values.titled)
    if size:
        numbers = numbers if size == NUMBERED else None
        cells = Cells(shape[1], size, 28 if numbers else size)
        return Matrix(shape[0], numbers, _explain(values, None, numbers), cells, has_bias_room=size > 2)
    numbers = numbers if count <= _MAX_STRIP_NUMBERED else None
    cells = _choose_strip_cells(values, numbers is not None, shape[1] if is_matrix else 8)
    return Strip(shape[0] if is_matrix else 0, numbers, _describe_scale_end(values, numbers), cells)


def _fold(values: ScaledTensor, image: Shape | None, matrix_cell: int) -> Folding | None:
    """Return how a tensor falls into blocks of maps, None where it does not."""
    shape, axes = values.tensor.shape, values.tensor.axes
    if not values.tensor.parameters:
        return None
    if values.tensor.kind == "activation":
        maps = image if image is not None and shape == (math.prod(image),) else shape
        return Folding(1, maps[0], maps[1] * maps[2], maps[2], "output") if len(maps) == 3 else None
    if len(shape) > 2:
        size, noun = shape[-2] * shape[-1], _NOUNS.get(axes[0], "block")
        folding = Folding(shape[0], math.prod(shape[1:-2]), size, shape[-1], noun)
    elif len(shape) == 2 and image is not None and shape[1] == math.prod(image):
        folding = Folding(shape[0], image[0], image[1] * image[2], image[2], _NOUNS.get(axes[0], "row"))
    elif len(shape) == 2 and not matrix_cell and shape[0] <= shape[1]:  # rows too long to be drawn as rows
        folding = Folding(shape[0], 1, shape[1], math.ceil(math.sqrt(shape[1])), _NOUNS.get(axes[0], "row"))
    else:
        return None
    return folding if max(folding.units, folding.maps) <= _MAX_UNITS else None


def _find_matrix_cell(values: ScaledTensor) -> int:
    """Return the side in px of the cells of a matrix, 0 where it is too wide or too tall to be drawn as one."""
    (rows, columns), count = values.tensor.shape, values.tensor.parameters
    if rows > max(_TALL, 8 * columns):
        return 0
    room = ROOM - LABEL - 40
    if values.titled and count <= _MAX_NUMBERED and columns * NUMBERED <= room:
        return NUMBERED
    ladder = (12, 5000), (8, 12_000), (6, 20_000), (4, 40_000), (3, 1 << 62)
    sizes = [size for size, most in ladder if count <= most] if values.titled else []
    return next((size for size in (*sizes, 2, 1) if size * columns <= room and size * rows <= _TALLEST), 0)


def _choose_strip_cells(values: ScaledTensor, numbers: bool, unit: int) -> Cells:
    """Return the cells of a strip, whose lines break after whole units of `unit` cells where they carry no numbers."""
    count = values.tensor.parameters
    if numbers:
        widest = max((measure(name) + 6 for name in values.value_names), default=0)
        wide = max(_NUMBER, min(math.ceil(widest), (ROOM - LABEL) // count))
        lines = -(-count // int((ROOM - LABEL) // wide))
        return Cells(-(-count // lines), wide, 28)
    size = 1 if not values.titled else 12 if count <= 1000 else 6 if count <= 10_000 else 3
    columns = (ROOM - LABEL) // size if values.titled else max(256, min(ROOM - LABEL, math.isqrt(count)))
    return Cells(columns // unit * unit or columns, size, size)


def _describe_scale_end(values: ScaledTensor, numbers: CellNumbers | None) -> str:
    """Return in words where the colours of a strip end: "±0.35"."""
    scale = values.scale
    if not values.tensor.parameters:
        return "empty"
    if not scale.limit:
        return "all zero" if not scale.nans + scale.infinities else "no finite value but 0"
    if numbers is not None and numbers.power:
        return f"±{scale.limit / 10.0**numbers.power:.2f} {numbers.note()}"
    return f"±{format_signed(scale.limit, plus=False)}"


def _explain(values: ScaledTensor, folding: Folding | None, numbers: CellNumbers | None) -> str:
    """Return a note on how to read the cells, or nothing."""
    tensor, is_matrix, notes = values.tensor, len(values.tensor.shape) == 2, []
    if tensor.kind == "activation":
        notes.append("one sample" if tensor.name == "input" else "what comes out of the layer for one sample")
    elif folding is not None and is_matrix and folding.maps > 1:
        size = f"{folding.size // folding.columns}×{folding.columns}"
        notes.append(f"each neuron's weights folded to the {folding.maps} maps of {size} it sees")
    elif folding is not None and is_matrix:
        notes.append(f"each row of {folding.size:,} folded to lines of {folding.columns}")
    elif folding is not None and folding.maps > 1 and tensor.axes[:2] == ("o", "i"):
        notes.append(f"each kernel: its {folding.maps} input channels, in order")
    if numbers is not None and numbers.power:
        notes.append(f"numbers {numbers.note()}")
    return " · ".join(notes)
