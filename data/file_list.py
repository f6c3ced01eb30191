"""A CSV that names picture files, each with what is to be predicted: file,label or file,price."""

from pathlib import Path

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.image_files import open_pictures
from cnnkit.data.packed_file import open_unpacked
from cnnkit.data.picture import SUFFIXES
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.table_columns import TargetColumn
from cnnkit.data.table_rows import TableText
from cnnkit.data.table_targets import decide_targets, find_targets, list_columns
from cnnkit.errors import DataError
from cnnkit.files.beside import leads_out
from cnnkit.files.names import printable

FILE = "file"


def read_file_list(name: str, path: Path, reading: Reading) -> Dataset:
    """Return the data set of the pictures that a CSV names in its column file, by paths from the CSV's folder.

    The targets are the columns of `reading.target`, else the one called label, else the only other one.

    Raises DataError, with the row, for a path or a link out of the folder, for a file that is missing or no picture,
    and for what `cnnkit.data.table_reader` refuses of targets.
    """
    where, files = str(path), []
    folder = path.parent.resolve()
    with open_unpacked(path) as (file, packed):
        text = TableText(where, file, packed)
        others = tuple(column for column in text.columns if column != FILE)
        targets = find_targets(where, text.columns, reading) or others[: len(others) == 1]
        if not targets and others and not reading.remembered:
            hint = f"name it: --target {others[0]}"
            raise refuse(f"{where}, line 1", "one column besides file, the target", list_columns(others), hint)
        columns = [TargetColumn(where, target) for target in targets]
        places = [text.columns.index(target) for target in targets]
        at = text.columns.index(FILE)
        for rows in text.blocks():
            for row, line in zip(rows.cells, rows.lines, strict=True):
                files.append(_find_inside(f"{where}, line {line}", path.parent, folder, row[at].strip()))
            for column, place in zip(columns, places, strict=True):
                column.add([row[place] for row in rows.cells], rows.lines)
    if not files:
        raise refuse(f"{where}, line 2", "at least one picture", "the end of the file")
    chosen = decide_targets(columns, reading, where)
    (images,), changes = open_pictures(name, [files], reading)
    unused = [column for column in others if column not in targets]
    said = [*chosen.said, *([f"not used: {list_columns(unused)}"] if unused else [])]
    notes = (*(f"{printable(name, 400)}: {line}" for line in said), *changes)
    return assemble(name, RawSplit(images, chosen.targets, where, where, True), None, chosen.class_names, notes=notes)


def _find_inside(where: str, folder: Path, resolved: Path, cell: str) -> Path:
    """Return the picture that a cell names. Raises DataError where it lies elsewhere, or is none."""
    shown = printable(cell, 200)
    if not cell or leads_out(cell):
        raise refuse(where, "a path inside the folder of the CSV", f"{shown!r}", "copy the file there")
    path = folder / cell
    if path.suffix.lower() not in SUFFIXES:
        raise refuse(where, f"a picture ({' '.join(sorted(SUFFIXES))})", f"{shown!r}")
    try:
        if not path.resolve(strict=True).is_relative_to(resolved):
            raise refuse(where, "a file inside the folder of the CSV", f"{shown!r}, a link out of it", "copy it there")
        if not path.is_file():
            raise refuse(where, "a picture file", f"{shown!r}, which is none")
    except DataError:
        raise
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        raise refuse(where, "a file beside the CSV", f"{shown!r}, which is not there") from None
    return path
