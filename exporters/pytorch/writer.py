"""Writes a state_dict as torch.save does, without torch: a zip with a pickle that uses a dozen operations."""

import struct
from collections.abc import Iterator
from pathlib import Path

from cnnkit.errors import ExportError
from cnnkit.exporters.core.pickles.torch_calls import STORAGES
from cnnkit.exporters.core.raw_values import encode_blocks, read_checked, require_rank
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.extents import strides
from cnnkit.files.names import printable
from cnnkit.files.zips.writer import ZipWriter

_CLASSES = {dtype: name for name, dtype in STORAGES.items()}
_EMPTY = b"ccollections\nOrderedDict\n)R"
_LONGEST_NAME = 1 << 20


def write_torch(tensors: dict[str, Tensor], path: Path) -> None:
    """Write {name: tensor} to `path`. Raises ExportError for what torch cannot hold."""
    for name, tensor in tensors.items():
        require_rank(tensor)
        if len(name) * 4 > _LONGEST_NAME:
            raise ExportError(f"{tensor.kind} {printable(name, 60)}: a name of {len(name)} characters")
    document = b"".join(_pickle(tensors))
    with path.open("wb") as stream:
        archive = ZipWriter(stream)
        small = {"data.pkl": document, ".format_version": b"1", ".storage_alignment": b"64", "byteorder": b"little"}
        for name, data in small.items():
            archive.add(f"archive/{name}", (data,), len(data))
        for key, tensor in enumerate(tensors.values()):
            values = read_checked(tensor)
            archive.add(f"archive/data/{key}", encode_blocks(values), values.nbytes)
        archive.add("archive/version", (b"3\n",), 2)
        archive.finish()


def _pickle(tensors: dict[str, Tensor]) -> Iterator[bytes]:
    yield b"\x80\x02" + _EMPTY + b"("
    for key, (name, tensor) in enumerate(tensors.items()):
        yield _pickle_text(name) + _pickle_tensor(str(key), tensor)
    yield b"u."


def _pickle_tensor(key: str, tensor: Tensor) -> bytes:
    """Return a call of torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())."""
    newer = tensor.dtype not in _CLASSES  # raw bytes and the name of a type
    kind = b"ctorch.storage\nUntypedStorage\n" if newer else f"ctorch\n{_CLASSES[tensor.dtype]}\n".encode()
    count = tensor.nbytes if newer else tensor.parameters
    storage = (
        b"(" + _pickle_text("storage") + kind + _pickle_text(key) + _pickle_text("cpu") + _pickle_number(count) + b"tQ"
    )
    shape, steps = _pickle_tuple(tensor.shape), _pickle_tuple(strides(tensor.shape))
    arguments = b"(" + storage + b"K\0" + shape + steps + b"\x89" + _EMPTY
    if newer:
        return b"ctorch._utils\n_rebuild_tensor_v3\n" + arguments + f"ctorch\n{tensor.dtype}\n".encode() + b"tR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"tR"


def _pickle_tuple(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_pickle_number, numbers)) + b"t"


def _pickle_number(value: int) -> bytes:
    if value < 1 << 8:
        return b"K" + bytes((value,))
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def _pickle_text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data
