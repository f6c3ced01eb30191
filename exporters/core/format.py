"""What every format of weight files offers: recognising, reading, writing, checking, and naming what it cannot hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from cnnkit.errors import ExportError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable


class Priority(IntEnum):
    """When a format is asked whether a file is its own: in this order, and by name among equals."""

    SPECIFIC = 0  # its files carry a mark or a structure that no other format has
    DEFAULT = 1  # for plug-ins, so that one which claims too much takes no file from a specific format
    CATCH_ALL = 2  # reads any file of a container (zip, HDF5) on which other formats are built


class ShardNames(NamedTuple):
    """How a format names its shards: model-00001-of-00002.safetensors, and model.safetensors.index.json."""

    stem: str
    suffix: str

    @property
    def index_suffix(self) -> str:
        """What the name of an index ends with."""
        return f"{self.suffix}.index.json"

    def name_shard(self, stem: str, number: int, count: int) -> str:
        """Return the name of shard `number`, from 1, of `count`."""
        return f"{stem}-{number:05}-of-{count:05}{self.suffix}"


class Format(ABC):
    """One file format.

    name, suffixes  what users type; a file is recognised by its content alone
    options         what `write` takes besides weights and path, each with a line of explanation
    priority        when the format is asked whether a file is its own
    by_name         it is written where it is named alone, whatever the suffix, which is another format's too
    shards          how it names shards, where `write_shards` writes them

    A reader lists tensors first; each tensor reads its values from the file when asked.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    description: ClassVar[str] = ""
    reads: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    options: ClassVar[Mapping[str, str]] = {}
    by_name: ClassVar[bool] = False
    priority: ClassVar[Priority] = Priority.DEFAULT
    shards: ClassVar[ShardNames | None] = None

    @abstractmethod
    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the file at `path`, which begins with the up to 8,192 bytes `head`, is of this format."""

    def read(self, path: Path) -> WeightFile:
        """Return what the file holds. Raises WeightFileError when it is damaged or breaks a rule."""
        raise WeightFileError(f"{self.name} files can be written, not read", file=str(path), format=self.name)

    def read_external(self, path: Path) -> WeightFile:
        """Return what the file holds, and what lies in files of the same folder that it names: the user trusts them.

        A format without such files reads the file alone. Raises WeightFileError as `read`.
        """
        return self.read(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write `weights` to the new file `path`. Raises ExportError for what the format cannot hold."""
        raise ExportError(f"{self.name} files can be read, not written")

    def write_shards(self, weights: WeightFile, folder: Path, stem: str, shard_bytes: int) -> Path:  # noqa: ARG002
        """Write `weights` into the new folder in files of up to `shard_bytes` bytes of values; return the index's path.

        A tensor larger than that has a file of its own. Raises ExportError as `write`.
        """
        raise ExportError(f"{self.name} files are not written in shards")

    def losses(self, weights: WeightFile) -> tuple[str, ...]:  # noqa: ARG002
        """Return a line for everything in `weights` that this format cannot hold."""
        return ()

    def check(self, weights: WeightFile, path: Path) -> None:
        """Read the new file at `path` back. Raises ExportError when a tensor differs from `weights`.

        A format that is not exact, or cannot be read, replaces this.
        """
        if self.reads:
            verify(self.read, weights, path)


def verify(read: Callable[[Path], WeightFile], weights: WeightFile, path: Path) -> None:
    """Compare the SHA-256 of every tensor of `weights` with that of the file at `path`.

    Raises ExportError for the first that differs.
    """
    written = {(tensor.kind, tensor.name): tensor for tensor in read(path).tensors}
    for tensor in weights.tensors:
        copy = written.get((tensor.kind, tensor.name))
        if copy is None or copy.shape != tensor.shape or copy.sha256() != tensor.sha256():
            raise changed_value(tensor.kind, tensor.name)


def changed_value(kind: str, name: str) -> ExportError:
    """Return the error about a tensor that reads back otherwise than it was to be written."""
    return ExportError(f"{kind} {printable(name)}: what was written reads back differently; nothing was saved")
