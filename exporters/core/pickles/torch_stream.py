"""The stream of pickles that torch.save wrote before 1.6, and that a pickled storage still is."""

from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from cnnkit.exporters.core.pickles.values import Blob, Opaque, Storage, Symbol
from cnnkit.files.unsafe_file import UnsafeFileError

MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class TorchStream(NamedTuple):
    """What such a stream begins with: its object, the keys of its storages in order, the place where they begin."""

    document: Any
    keys: list[str]
    begin: int
    big_endian: bool


def read_stream(stream: BinaryIO, load: Callable[[BinaryIO], Any]) -> TorchStream:
    """Return the beginning of a stream; `load` reads a pickle. Raises UnsafeFileError for anything else."""
    if load(stream) != MAGIC:
        raise UnsafeFileError("a pickle that torch.save did not write", "refused")
    protocol, system = load(stream), load(stream)
    if protocol != _PROTOCOL or not isinstance(system, dict):
        raise UnsafeFileError("a version of torch's old format that is not known")
    document, keys = load(stream), load(stream)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len({*keys}) != len(keys):
        raise UnsafeFileError("a list of storages that is described wrongly", "refused")
    return TorchStream(document, keys, stream.tell(), system.get("little_endian") is False)


def read_storage(stream: BinaryIO, load: Callable[[BinaryIO], Any], origin: int | None) -> Any:
    """Return the storage that alone makes a stream, as pickle writes it; an Opaque where it is something else.

    origin: the place of the stream in the pickle; None: its bytes lie in no place, and are kept.
    """
    head = read_stream(stream, load)
    storage = head.document
    if not isinstance(storage, Storage) or not isinstance(storage.key, str) or head.keys != [storage.key]:
        return Opaque(Symbol("torch.storage", "_load_from_bytes"))
    order = ">" if head.big_endian else "<"
    stream.seek(head.begin)
    count = int.from_bytes(stream.read(8), "big" if head.big_endian else "little")
    data = stream.read(storage.nbytes)
    if count != storage.elements or len(data) != storage.nbytes:
        raise UnsafeFileError(f"truncated: a storage of {storage.elements} elements expected")
    blob = Blob(0, len(data), data=data) if origin is None else Blob(origin + head.begin + 8, len(data))
    return storage._replace(key=blob, order=order)
