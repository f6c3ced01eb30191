"""Reads the arrays of an NPZ file: lists them first, reads values when asked."""

import functools
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.layer_lists import fits_layers, name_layers
from cnnkit.exporters.core.name_conventions import interpret_name, sort_names
from cnnkit.exporters.core.npy_array import HEAD, decode_array, is_in_order, read_header
from cnnkit.exporters.core.pickles.object_array import list_object_arrays
from cnnkit.exporters.core.raw_values import STEP, stream_array
from cnnkit.exporters.core.tensor_list import StoredArray, build_weight_file
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.files.npy_header import NpyHeader, NpyTypeError
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import ZipGate, open_zip

NAME = "npz"
DOCUMENT = "cnnkit.json"  # the array of bytes that describes the others
_LONGEST = _FREE_BYTES = 64 << 20


def read_npz(path: Path) -> WeightFile:
    """Return the arrays as tensors. Raises WeightFileError when the file is damaged."""
    with faults_of(path, NAME):
        return _build_weight_file(path, open_zip(path))


def _build_weight_file(path: Path, archive: ZipGate) -> WeightFile:
    stored: dict[str, StoredArray] = {}
    not_read: list[NotRead] = []
    document = None
    objects: dict[str, tuple[Tensor, ...]] = {}
    for member in archive.members:
        name = member.removesuffix(".npy")
        try:
            header = _read_header(archive, member)
        except NpyTypeError as error:
            if name == DOCUMENT:
                raise
            if error.pickled:
                objects[name], rest = _read_objects(path, archive, member, error.header_bytes)
                not_read += rest
                continue
            not_read.append(NotRead(printable(name), 1, f"not numbers: {printable(error.got, 60)}"))
            continue
        values = _ZippedArray(archive, path, member, header)
        if name == DOCUMENT:
            document = header, values.read
        else:
            stream = values.stream if is_in_order(header) else None
            stored[name] = StoredArray(sys.intern(header.dtype.name), header.shape, values.read, stream)
    if archive.unclaimed:
        not_read.append(NotRead("bytes between the members of the zip", archive.unclaimed, "part of none"))
    if document is None:
        return _read_foreign(path, stored, objects, tuple(not_read))
    if objects:
        raise ValueError(f"{DOCUMENT} does not describe arrays of objects, which are in the file")
    header, read = document
    if header.dtype.name != "uint8" or len(header.shape) != 1 or header.value_bytes > _LONGEST:
        raise ValueError(f"{DOCUMENT}: expected at most {_LONGEST} bytes, got {header.dtype} {header.shape}")
    values = strict_json.loads(read().tobytes(), lone=True)
    if not isinstance(values, dict):
        raise ValueError(f"{DOCUMENT} is not a JSON object")
    return build_weight_file(path, values, stored, tuple(not_read))


def _read_header(archive: ZipGate, member: str) -> NpyHeader:
    size = archive.members[member].size
    try:
        header = read_header(archive.peek(member, HEAD), size)
        if size != header.header_bytes + header.value_bytes:
            raise ValueError(f"{size - header.header_bytes} bytes for {header.dtype} {header.shape}")
    except NpyTypeError:
        raise
    except ValueError as error:
        raise ValueError(f"array {printable(member)}: {error}") from error
    return header


def _read_objects(
    path: Path, archive: ZipGate, member: str, start: int
) -> tuple[tuple[Tensor, ...], tuple[NotRead, ...]]:
    """Return the arrays in an array of objects, which is a pickle, and what else is in it.

    Raises UnsafeFileError for a pickle too large to be kept in memory, and as reading pickles does.
    """
    size, budget = archive.members[member].size, _FREE_BYTES + 4 * path.stat().st_size
    if size > budget:
        problem = f"array {printable(member)}: pickled objects of {size} bytes, more than {budget}"
        raise UnsafeFileError(problem, "too_big")
    pickled = archive.read(member, start).tobytes()
    try:
        return list_object_arrays(path, NAME, member.removesuffix(".npy"), pickled)
    except UnsafeFileError as error:
        raise UnsafeFileError(f"array {printable(member)}: {error}", error.kind) from error


def _read_foreign(
    path: Path,
    stored: dict[str, StoredArray],
    objects: dict[str, tuple[Tensor, ...]],
    not_read: tuple[NotRead, ...],
) -> WeightFile:
    """Return the arrays sorted by name, 2 before 10; the order in the zip means nothing.

    Lists of matrices and biases, as `scratch-mlp`'s author saved them, become the layers that they are.
    """
    lists = (objects.get("weights", ()), objects.get("biases", ()))
    if not stored and len(objects) == len(lists) and fits_layers(*lists):
        return replace(name_layers(*lists), not_read=not_read, file=str(path))
    dotted = {name: name.replace("/", ".") for name in stored}
    shapes = {dotted[name]: entry.shape for name, entry in stored.items()}
    tensors: list[Tensor] = []
    for name in sort_names([*stored, *objects]):
        if name in objects:
            tensors += objects[name]
            continue
        entry = stored[name]
        what = interpret_name(dotted[name], entry.dtype, shapes)
        tensors.append(Tensor(name, *what, entry.dtype, entry.shape, entry.read, entry.stream))
    return WeightFile(tuple(tensors), not_read=not_read, file=str(path))


class _ZippedArray:
    """A member of a zip that holds an array; `read` and `stream` are those of `Tensor`."""

    __slots__ = ("_archive", "_header", "_member", "_path")

    def __init__(self, archive: ZipGate, path: Path, member: str, header: NpyHeader) -> None:
        self._archive, self._path, self._member, self._header = archive, path, member, header

    def read(self) -> Array:
        with faults_of(self._path, NAME, self._what):
            return decode_array(self._archive.read(self._member, self._header.header_bytes), self._header)

    def stream(self) -> Generator[Array, None, str]:
        header = self._header
        blocks = functools.partial(self._archive.blocks, self._member, header.header_bytes, header.value_bytes, STEP)
        return stream_array(self._path, NAME, self._what, blocks, header.dtype)

    @property
    def _what(self) -> str:
        return f"array {printable(self._member)}"
