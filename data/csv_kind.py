"""The kinds of CSV: tables of picture files, of pixels with class numbers, and of any other columns."""

from pathlib import Path

from cnnkit.data.csv_header import LABEL, has_pixels, require_columns
from cnnkit.data.csv_reader import LONGEST_LINE, read_csv
from cnnkit.data.dataset import Dataset
from cnnkit.data.file_list import FILE, read_file_list
from cnnkit.data.packed_file import open_unpacked
from cnnkit.data.reader import Reader
from cnnkit.data.reading import Reading
from cnnkit.data.table_columns import is_number
from cnnkit.data.table_reader import read_table

_Line = list[str]
_ROW = 16 << 20  # bytes of the second line that are looked at


def recognise_csv(path: Path) -> Reader:
    """Return the reader of a CSV, plain or gzipped, as its first line decides."""
    names, _ = _peek(path)
    return FILES if FILE in names else TABLE


def _read_numbers(name: str, path: Path, reading: Reading) -> Dataset:
    """Read pixels with class numbers by the fast reader, every other table by the general one."""
    names, first = _peek(path)
    if LABEL not in names or not has_pixels(names) or reading.target not in ((), (LABEL,)):
        return read_table(name, path, reading)
    label = first[names.index(LABEL)] if len(first) == len(names) else ""
    words = bool(label) and not label.isdigit() if reading.target else bool(label) and not is_number(label)
    return read_table(name, path, reading) if words or (reading.target and reading.numbers) else read_csv(name, path)


def _peek(path: Path) -> tuple[_Line, _Line]:
    """Return the cells of the first two lines, of a simple table."""
    with open_unpacked(path) as (file, _):
        lines = [file.readline(LONGEST_LINE)]
        require_columns(str(path), lines[0])
        lines.append(file.readline(_ROW))
    names, first = ([cell.strip() for cell in line.decode("utf-8-sig", "replace").split(",")] for line in lines)
    return [name.strip('"') for name in names], first


FILES = Reader(read_file_list, "a table of pictures", ("target", "resize"))
TABLE = Reader(_read_numbers, "a table", ("target", "columns"))
