"""Reads a GGUF file: names and shapes first, values when asked; quantised tensors are named."""

from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.file_values import FileValues
from cnnkit.exporters.core.name_conventions import interpret_name
from cnnkit.exporters.core.weight_file import NotRead, Tensor, WeightFile
from cnnkit.exporters.gguf.cursor import Cursor
from cnnkit.exporters.gguf.header import GgufTensor, Header, read_header
from cnnkit.exporters.gguf.types import BLOCKS, DTYPES
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile

NAME = "gguf"
_PARTS = "split.count"  # the key with the number of files that a model is split into


def read_gguf(path: Path) -> WeightFile:
    """Return the tensors in the order of the file. Raises WeightFileError when the file is damaged."""
    with faults_of(path, NAME):
        file = StoredFile(path)
        with file.open() as stream:
            header = read_header(Cursor(stream, file.size))
    shapes = {entry.name: entry.shape for entry in header.entries}
    tensors, not_read = [], []
    for entry in header.entries:
        if entry.code in DTYPES:
            tensors.append(_build_tensor(file, header.order, entry, shapes))
        else:
            not_read.append(_describe_block(entry))
    not_read += [
        NotRead(f"metadata {printable(key)}", count, "longer than what is kept", weights=False)
        for key, count in header.left_out.items()
    ]
    not_read += _find_other_parts(header)
    about = {"version": header.version, "metadata": header.metadata}
    return WeightFile(tuple(tensors), None, {NAME: about}, not_read=tuple(not_read), file=str(path))


def _build_tensor(file: StoredFile, order: str, entry: GgufTensor, shapes: dict[str, tuple[int, ...]]) -> Tensor:
    dtype = DTYPES[entry.code]
    what = interpret_name(entry.name, dtype, shapes)
    values = FileValues(file, NAME, entry.name, entry.start, entry.size or 0, dtype, entry.shape, order)
    return Tensor(entry.name, *what, dtype, entry.shape, values.read, values.stream)


def _describe_block(entry: GgufTensor) -> NotRead:
    block, what = BLOCKS.get(entry.code), f"{printable(entry.name)} {entry.shape}"
    if block is None:
        return NotRead(what, 1, f"element type {entry.code} is not known")
    return NotRead(what, 1, f"quantised: {block.name}, blocks of {block.values} values in {block.size} bytes")


def _find_other_parts(header: Header) -> list[NotRead]:
    parts = header.metadata.get(_PARTS)
    if type(parts) is not int or parts < 2:
        return []
    return [NotRead("other files of the same model", parts - 1, "other files are not opened")]
