"""CSV of any columns: some are to be predicted, the others are numbers, as rows or as the pixels of images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.csv_header import find_grid
from cnnkit.data.csv_reader import describe_pixels
from cnnkit.data.dataset import Dataset
from cnnkit.data.packed_file import open_unpacked
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.scaling import Scaling
from cnnkit.data.table_columns import TargetColumn, find_decimal, read_numbers
from cnnkit.data.table_rows import TableText
from cnnkit.data.table_targets import decide_targets, find_targets, list_columns
from cnnkit.files.names import printable


def read_table(name: str, path: Path, reading: Reading) -> Dataset:
    """Return the data set of a CSV, plain or gzipped: rows (F,), or images where the columns are named as pixels are.

    The targets are the columns of `reading.target`, else one called label; without any, the samples are their own.
    Input is what `reading.columns` names, in that order, else every other column.

    Raises DataError, with row and column, on missing columns and on cells that are empty or no number.
    """
    where = str(path)
    with open_unpacked(path) as (file, packed):
        text = TableText(where, file, packed)
        targets = find_targets(where, text.columns, reading)
        inputs = _find_inputs(where, text.columns, targets, reading)
        columns, blocks = [TargetColumn(where, target) for target in targets], []
        places = [text.columns.index(target) for target in targets]
        decimal = None
        for rows in text.blocks():
            decimal = find_decimal(rows, inputs) if decimal is None else decimal
            blocks.append(read_numbers(where, rows, text.columns, inputs).astype(np.float32))
            for column, at in zip(columns, places, strict=True):
                column.add([row[at] for row in rows.cells], rows.lines)
    if not blocks:
        raise refuse(f"{where}, line 2", "at least one row", "the end of the file")
    names = tuple(text.columns[at] for at in inputs)
    samples = _Samples.of(where, np.concatenate(blocks), names, decimal)
    chosen = decide_targets(columns, reading, where)
    left_out = [n for n in text.columns if n not in names and n not in targets]
    notes = [samples.said, *chosen.said, *([f"not used: {list_columns(left_out)}"] if left_out else [])]
    raw = RawSplit(samples.values, chosen.targets, where, where, True)
    shown = tuple(f"{printable(name, 400)}: {note}" for note in notes)
    dataset = assemble(name, raw, None, chosen.class_names, samples.scaling, notes=shown)
    return replace(dataset, reading=Reading(columns=() if samples.scaling is None else names))


@dataclass(frozen=True, eq=False)
class _Samples:
    """The input of a table, how it is scaled (None: as pixels are), and how it was understood."""

    values: npt.NDArray[Any]
    scaling: Scaling | None
    said: str

    @classmethod
    def of(
        cls, where: str, numbers: npt.NDArray[np.float32], names: tuple[str, ...], decimal: int | None
    ) -> "_Samples":
        low, high, grid = f"{numbers.min():g}", f"{numbers.max():g}", find_grid(where, list(names))
        if grid is None:
            spread = np.ptp(numbers, axis=0)
            hint = (
                " (a BatchNorm in front scales them)" if spread.max() > 100 * max(spread[spread > 0], default=1) else ""
            )
            said = f"rows of {len(names)} numbers, {list_columns(names)}, {low} to {high}: not scaled{hint}"
            return cls(numbers, Scaling(), said)
        images = numbers.reshape(-1, 1, *grid)
        pixels = images.astype(np.uint8) if decimal is None and 0 <= images.min() <= images.max() <= 255 else images
        return cls(pixels, None, describe_pixels(pixels, decimal))


def _find_inputs(where: str, columns: tuple[str, ...], targets: tuple[str, ...], reading: Reading) -> list[int]:
    wanted = reading.columns or tuple(name for name in columns if name not in targets)
    missing = [name for name in wanted if name not in columns]
    if missing:
        got = f"the columns {list_columns(columns)}"
        raise refuse(f"{where}, line 1", f"a column {printable(missing[0], 60)!r}, which the network takes", got)
    if not wanted:
        raise refuse(
            f"{where}, line 1", "columns besides the target, for the input", "none", "name fewer with --target"
        )
    places = {name: at for at, name in enumerate(columns)}
    return [places[name] for name in wanted]
