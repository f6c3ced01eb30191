"""Format "safetensors": an exact, plain file that most libraries read."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.safetensors.index import looks_like_index, read_index
from cnnkit.exporters.safetensors.reader import NAME, read_safetensors
from cnnkit.exporters.safetensors.writer import write_safetensors
from cnnkit.files.regular_file import open_regular

_LONGEST = 1 << 40  # a longer "header" is a text whose ninth character is a bracket
_HEAD = 8192


class SafetensorsFormat(Format):
    """Reads all element types of a byte and more; writes the same bytes for the same weights."""

    name = NAME
    suffixes = (".safetensors",)
    priority = Priority.SPECIFIC
    description = "safetensors: exact, plain, read by most libraries"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins with a length of eight bytes and a JSON object, or is an index of files."""
        return _has_header(head) or looks_like_index(head)

    def read(self, path: Path) -> WeightFile:
        """Return what the file holds. Raises WeightFileError when header and data do not fit together."""
        return self._read(path, external=False)

    def read_external(self, path: Path) -> WeightFile:
        """Return what the file, or those that an index names, hold. Raises as `read`."""
        return self._read(path, external=True)

    def _read(self, path: Path, external: bool) -> WeightFile:
        with open_regular(path) as stream:
            is_index = not _has_header(stream.read(_HEAD))
        return read_index(path, external) if is_index else read_safetensors(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write `weights`. Raises ExportError for complex128, more than 32 axes and texts that are not JSON."""
        write_safetensors(weights, path)


def _has_header(head: bytes) -> bool:
    return head[8:].lstrip(b" \t\r\n").startswith(b"{") and int.from_bytes(head[:8], "little") < _LONGEST
