"""A file by torch.export.save (.pt2): a program of which only the weights are read, listed in JSON beside them."""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.pickles.content import Content
from cnnkit.exporters.core.pickles.places import MemorySource
from cnnkit.exporters.core.pickles.values import Absent, Storage, describe_tensor
from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.pytorch.zip_file import read_small
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import ZipGate

_MARK = "/archive_format"
_OLD = "serialized_state_dict.pt"  # of torch 2.1 to 2.7
_LISTS = (
    ("/data/weights/", "model_weights_config.json", "net"),
    ("/data/constants/", "model_constants_config.json", "other"),
)
# torch._export.serde.schema.ScalarType
_TYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64",
    10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn",
    30: "float8_e5m2", 31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz",
}  # fmt: skip


def is_exported(names: Mapping[str, Any]) -> bool:
    """Return whether a zip with these members was written by torch.export.save."""
    return any((name.endswith(_MARK) and name.count("/") == 1) or name.rpartition("/")[2] == _OLD for name in names)


class ExportedProgram:
    """The tensors of such a file, as `content`: parameters and buffers first, then constants.

    Raises UnsafeFileError when a list is damaged, and for files of torch before 2.8, where weights lie in inner files.
    """

    def __init__(self, archive: ZipGate) -> None:
        self._archive, self.content, self.source = archive, Content(), MemorySource(b"")
        roots = [name.removesuffix(_MARK) for name in archive.members if name.endswith(_MARK) and name.count("/") == 1]
        if len(roots) != 1:
            raise UnsafeFileError(
                "a program by torch.export of an old version: torch.save(program.state_dict, FILE) makes a file of it"
            )
        self._root = roots[0]
        self.big_endian = read_small(archive, f"{self._root}/byteorder", b"little") == b"big"
        for folder, name, owner in _LISTS:
            self._list_tensors(f"{self._root}{folder}", name, owner)

    def _list_tensors(self, folder: str, name: str, owner: str) -> None:
        if folder + name not in self._archive.members:
            return
        document = strict_json.loads(read_small(self._archive, folder + name))
        listed = document.get("config") if isinstance(document, dict) else None
        if not isinstance(listed, dict):
            raise UnsafeFileError(f"{name}: no list of tensors")
        for title, entry in listed.items():
            self._add(folder, title, entry, owner)

    def _add(self, folder: str, title: str, entry: Any, owner: str) -> None:
        """Take one tensor of a list: a member of raw values, or a pickled tensor of its own."""
        meta = entry.get("tensor_meta") if isinstance(entry, dict) else None
        if not isinstance(meta, dict) or entry.get("use_pickle"):
            self.content.add_absent(title, Absent("pickled in a file of its own, which is not opened"))
            return
        member = self._archive.members.get(f"{folder}{entry.get('path_name')}")
        dtype = _TYPES.get(meta["dtype"]) if type(meta.get("dtype")) is int else None
        if member is None or dtype is None:
            problem = "its values are not in the file" if member is None else "an element type that is not known"
            self.content.add_absent(title, Absent(problem))
            return
        count = member.size // carrier(dtype).itemsize
        storage = Storage(member.name, dtype, count, 0, count)
        sizes, steps, offset = (
            _integers(meta.get("sizes")),
            _integers(meta.get("strides")),
            _integer(meta.get("storage_offset")),
        )
        self.content.add_tensor(title, owner, describe_tensor(storage, dtype, offset, sizes, steps))

    def size(self, storage: Storage) -> int | None:
        """Return the size of a storage in bytes."""
        return self._archive.members[str(storage.key)].size

    def read(self, storage: Storage, start: int, size: int) -> Bytes:
        """Return bytes of a storage."""
        return self._archive.read(str(storage.key), start, size)

    def blocks(self, storage: Storage, start: int, size: int, step: int) -> Iterator[Bytes]:
        """Yield the bytes that `read` returns, `step` at a time."""
        return self._archive.blocks(str(storage.key), start, size, step)

    def not_read(self) -> tuple[NotRead, ...]:
        """Return the program itself."""
        reason = "only the weights of a program by torch.export are read"
        return (NotRead(f"the graph, {printable(self._root, 60)}/models", 1, reason, weights=False),)


def _integer(value: Any) -> Any:
    return value.get("as_int") if isinstance(value, dict) else None


def _integers(values: Any) -> tuple[Any, ...]:
    return tuple(map(_integer, values)) if isinstance(values, list) else ()
