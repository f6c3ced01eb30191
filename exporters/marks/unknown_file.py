"""What the rows of the tables look at: the beginning of a file, its name, and parts of it by need."""

import contextlib
import re
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.protobuf_head import HeadField, iterate_head
from cnnkit.files.regular_file import open_regular
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.gate import read_member_names

_LARGEST_JSON = 16 << 20
_KEY = re.compile(rb'"([^"\\]{1,60})"\s*:')
_TAIL = 8


class UnknownFile:
    """A file that no format has recognised. `head`: its first 8,192 bytes or all of them."""

    def __init__(self, path: Path, head: bytes) -> None:
        self.path, self.head, self.name = path, head, path.name

    @cached_property
    def size(self) -> int:
        """The number of bytes of the file."""
        return self.path.stat().st_size

    @cached_property
    def tail(self) -> bytes:
        """The last eight bytes of the file."""
        with open_regular(self.path) as stream:
            stream.seek(max(self.size - _TAIL, 0))
            return stream.read(_TAIL)

    @cached_property
    def is_text(self) -> bool:
        """Whether the head is text: UTF-8 without control characters, or UTF-16 with its mark."""
        return self._decoded is not None

    @cached_property
    def text(self) -> str:
        """The head as text without leading blanks, "" when it is not text."""
        return (self._decoded or "").lstrip("\ufeff \t\r\n")

    @cached_property
    def _decoded(self) -> str | None:
        if self.begins(b"\xff\xfe", b"\xfe\xff"):
            return self.head.decode("utf-16", "replace")
        try:
            text = self.head.decode()
        except UnicodeDecodeError as error:
            if len(self.head) - error.start > 3 or len(self.head) == self.size:  # else the head ends within a letter
                return None
            text = self.head[: error.start].decode()
        return None if any(letter < " " and letter not in "\t\r\n\f\x1b" for letter in text) else text

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON object that the file is, {} when it is none; {key: None} where it is too large or broken."""
        if not self.text.startswith("{"):
            return {}
        with contextlib.suppress(ValueError, UnsafeFileError):
            value = strict_json.read_file(self.path, _LARGEST_JSON, most_nodes=strict_json.MOST_NODES)
            if isinstance(value, dict):
                return value
        return {key.decode("utf-8", "replace"): None for key in _KEY.findall(self.head)}

    @cached_property
    def fields(self) -> list[HeadField]:
        """The first fields of the file as protocol buffers; [] when it is certainly something else."""
        fields = [field for _, field in zip(range(8), iterate_head(self.head), strict=False)]
        return fields if all(field.stop <= self.size for field in fields) else []

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names of a zip's members, () of another file."""
        return read_member_names(self.path, self.head)

    @cached_property
    def inflated(self) -> bytes:
        """The first bytes of what a gzip file holds, b"" of another file."""
        try:
            return zlib.decompressobj(31).decompress(self.head, 1024)
        except zlib.error:
            return b""

    def begins(self, *marks: bytes) -> bool:
        """Return whether the file begins with one of these."""
        return self.head.startswith(marks)

    def has_sibling(self, name: str) -> bool:
        """Return whether a file of that name lies in the same folder; it is not opened."""
        return (self.path.parent / name).is_file()
