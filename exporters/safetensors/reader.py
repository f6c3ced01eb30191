"""Reads a safetensors file: names and shapes first, values when asked; a file by cnnkit keeps everything."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.file_values import FileValues
from cnnkit.exporters.core.name_conventions import interpret_name, sort_names
from cnnkit.exporters.core.tensor_list import StoredArray, build_weight_file
from cnnkit.exporters.core.weight_file import JSON_FIELDS, Array, NotRead, Stream, Tensor, WeightFile
from cnnkit.exporters.safetensors.header import Entry, compute_digest, read_header
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

NAME = "safetensors"
_OURS = {"cnnkit", "cnnkit_sha256"}  # one of the two is enough: a damaged letter in the other must not go unnoticed


class Place(NamedTuple):
    """A tensor of a header and the file that it is in."""

    file: StoredFile
    entry: Entry


def read_safetensors(path: Path) -> WeightFile:
    """Return what the file holds. Raises WeightFileError when header and data do not fit together."""
    with faults_of(path, NAME):
        file = StoredFile(path)
        header = read_header(file)
        places = {name: Place(file, entry) for name, entry in header.entries.items()}
        if _OURS & header.metadata.keys():
            return build_ours(path, places, header.metadata)
        notes = [NotRead(printable(n), 1, "occurs twice in the header: its last entry is read") for n in header.twice]
        return build_foreign(path, places, {"safetensors": header.metadata} if header.metadata else {}, notes)


def build_ours(
    path: Path, places: Mapping[str, Place], texts: Mapping[str, str], notes: tuple[NotRead, ...] = ()
) -> WeightFile:
    """Return what cnnkit has written: tensors at `places`, all about them in `texts`, whose SHA-256 is one of them.

    Raises ValueError when these do not fit together.
    """
    claims = {name: (place.entry.code, place.entry.shape) for name, place in places.items()}
    if texts.get("cnnkit_sha256") != compute_digest(texts, claims):
        raise ValueError("the header does not fit its SHA-256: damaged, or changed by another program")
    values: dict[str, Any] = {"format": "cnnkit", "version": strict_json.loads(texts.get("cnnkit", "").encode())}
    for name in (*JSON_FIELDS, "tensors"):
        if name in texts:
            values[name] = strict_json.loads(texts[name].encode(), lone=True)
    rows = values.get("tensors")
    sums = (
        {row.get("key"): row.get("sha256") for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
    )
    stored = {
        name: StoredArray(
            place.entry.dtype or place.entry.code,
            place.entry.shape,
            *_make_readers(place.file, name, place.entry, sums.get(name)),
        )
        for name, place in places.items()
    }
    return build_weight_file(path, values, stored, notes)


def build_foreign(
    path: Path, places: Mapping[str, Place], metadata: dict[str, Any], not_read: list[NotRead]
) -> WeightFile:
    """Return the tensors sorted by name, 2 before 10: the header is sorted by element type, then by letter."""
    shapes = {name: place.entry.shape for name, place in places.items()}
    tensors, skipped = [], []
    for name in sort_names(places):
        file, entry = places[name]
        if entry.problem is not None or entry.dtype is None:
            skipped.append(NotRead(printable(name), 1, str(entry.problem)))
            continue
        what = interpret_name(name, entry.dtype, shapes)
        tensors.append(Tensor(name, *what, entry.dtype, entry.shape, *_make_readers(file, name, entry, None)))
    extra = {name: place.entry.extra for name, place in places.items() if place.entry.extra}
    known = metadata | ({"safetensors_extra": extra} if extra else {})
    return WeightFile(tuple(tensors), None, known, None, (), (*not_read, *skipped), str(path))


def _make_readers(
    file: StoredFile, name: str, entry: Entry, expected: str | None
) -> tuple[Callable[[], Array], Stream | None]:
    """Return `Tensor.read` and `Tensor.stream`."""
    dtype = "uint8" if entry.dtype is None else entry.dtype
    values = FileValues(file, NAME, name, entry.start, entry.size, dtype, entry.shape, expected=expected)
    return values.read, None if entry.dtype is None else values.stream
