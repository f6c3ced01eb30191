"""Reads the arrays of an NPZ file: lists first, loads a tensor when asked."""

import functools
from pathlib import Path

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.name_conventions import meaning, model_order
from cnnkit.exporters.core.npy_array import HEAD, array_of, header_of, in_order
from cnnkit.exporters.core.raw_values import STEP, streamed
from cnnkit.exporters.core.tensor_list import Stored, weight_file
from cnnkit.exporters.core.weight_file import Array, NotRead, Stream, Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.files.npy_header import NpyHeader, NpyTypeError
from cnnkit.files.zip_gate import ZipGate, open_zip

NAME = "npz"
DOCUMENT = "cnnkit.json"  # the array of bytes that says what the others are
_LONGEST = 64 << 20


def read_npz(path: Path) -> WeightFile:
    """Return the arrays as tensors. Raises WeightFileError when the file is damaged or holds pickled objects."""
    with faults_of(path, NAME):
        return _weight_file(path, open_zip(path))


def _weight_file(path: Path, archive: ZipGate) -> WeightFile:
    stored, not_read, document = {}, [], None
    for member in archive.members:
        name = member.removesuffix(".npy")
        try:
            header = _header(archive, member)
        except NpyTypeError as error:
            if name == DOCUMENT:
                raise
            not_read.append(NotRead(printable(name), 1, f"not numbers: {printable(error.got, 60)}"))
            continue
        read = functools.partial(_read, path, archive, member, header)
        if name == DOCUMENT:
            document = header, read
        else:
            stored[name] = Stored(header.dtype.name, header.shape, read, _stream(path, archive, member, header))
    if archive.unclaimed:
        not_read.append(NotRead("bytes between the members of the zip", archive.unclaimed, "part of none"))
    if document is None:
        return _theirs(path, stored, tuple(not_read))
    header, read = document
    if header.dtype.name != "uint8" or len(header.shape) != 1 or header.value_bytes > _LONGEST:
        raise ValueError(f"{DOCUMENT}: expected at most {_LONGEST} bytes, got {header.dtype} {header.shape}")
    values = strict_json.loads(read().tobytes())
    if not isinstance(values, dict):
        raise ValueError(f"{DOCUMENT} is not a JSON object")
    return weight_file(path, values, stored, tuple(not_read))


def _header(archive: ZipGate, member: str) -> NpyHeader:
    size = archive.members[member].size
    try:
        header = header_of(archive.peek(member, HEAD), size)
        if size != header.header_bytes + header.value_bytes:
            raise ValueError(f"{size - header.header_bytes} bytes for {header.dtype} {header.shape}")
    except NpyTypeError:
        raise
    except ValueError as error:
        raise ValueError(f"array {printable(member)}: {error}") from error
    return header


def _theirs(path: Path, stored: dict[str, Stored], not_read: tuple[NotRead, ...]) -> WeightFile:
    """Return the arrays in the order in which people count; the order in the zip means nothing."""
    dotted = {name: name.replace("/", ".") for name in stored}
    shapes = {dotted[name]: entry.shape for name, entry in stored.items()}
    tensors = []
    for name in model_order(stored):
        entry = stored[name]
        what = meaning(dotted[name], entry.dtype, shapes)
        tensors.append(Tensor(name, *what, entry.dtype, entry.shape, entry.read, entry.stream))
    return WeightFile(tuple(tensors), not_read=not_read, file=str(path))


def _stream(path: Path, archive: ZipGate, member: str, header: NpyHeader) -> Stream | None:
    if not in_order(header):
        return None
    blocks = functools.partial(archive.blocks, member, header.header_bytes, header.value_bytes, STEP)
    return functools.partial(streamed, path, NAME, f"array {printable(member)}", blocks, header.dtype)


def _read(path: Path, archive: ZipGate, member: str, header: NpyHeader) -> Array:
    with faults_of(path, NAME, f"array {printable(member)}"):
        return array_of(archive.read(member, header.header_bytes), header)
