"""Format "safetensors": an exact, plain file that most libraries read."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.safetensors.index import SUFFIXES, read_safetensors_index
from cnnkit.exporters.safetensors.reader import NAME, read_safetensors
from cnnkit.exporters.safetensors.shards import SHARDS, write_safetensors_shards
from cnnkit.exporters.safetensors.writer import write_safetensors
from cnnkit.exporters.shards.index import is_index, looks_like_index

_LONGEST = 1 << 40  # a longer "header" is a text whose ninth character is a bracket


class SafetensorsFormat(Format):
    """Reads all element types of a byte and more; writes the same bytes for the same weights."""

    name = NAME
    suffixes = (".safetensors",)
    priority = Priority.SPECIFIC
    description = "safetensors: exact, plain, read by most libraries"
    reads = writes = True
    shards = SHARDS

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins with a length of eight bytes and a JSON object, or is an index of files."""
        return _has_header(head) or looks_like_index(head, SUFFIXES)

    def read(self, path: Path) -> WeightFile:
        """Return what the file, or the shards of an index, hold. Raises WeightFileError when parts do not fit."""
        return read_safetensors_index(path) if is_index(path, SUFFIXES) else read_safetensors(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write `weights`. Raises ExportError for complex128, more than 32 axes and texts that are not JSON."""
        write_safetensors(weights, path)

    def write_shards(self, weights: WeightFile, folder: Path, stem: str, shard_bytes: int) -> Path:
        """Write `stem`-00001-of-00002.safetensors and so on, and their index. Raises ExportError as `write`."""
        return write_safetensors_shards(weights, folder, stem, shard_bytes)


def _has_header(head: bytes) -> bool:
    return head[8:].lstrip(b" \t\r\n").startswith(b"{") and int.from_bytes(head[:8], "little") < _LONGEST
