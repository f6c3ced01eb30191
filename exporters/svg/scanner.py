"""Finds the data block in an SVG: one pass over the XML by expat, no entity expanded, no reference followed."""

from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

from cnnkit.exporters.svg.data_block import NAMESPACE
from cnnkit.files.regular_file import open_regular

_SVG = "http://www.w3.org/2000/svg"
_PATH = (f"{_SVG} svg", f"{_SVG} metadata", f"{NAMESPACE} weights")
_HEADER, _TENSOR = f"{NAMESPACE} header", f"{NAMESPACE} tensor"
_CHUNK = 1 << 16
_MAX_TOKEN = 16 << 20
_MAX_HEADER = 64 << 20
_MAX_DEPTH = 64
_MAX_TENSORS = 100_000


class DataBlock(NamedTuple):
    """The header's text, and for each tensor where its base64 begins and ends, in bytes of the file."""

    header: str
    spans: list[tuple[int, int]]


def scan(path: Path) -> DataBlock:
    """Return the data block of the SVG at `path`. Raises ValueError when there is none or the XML is broken."""
    scanner = _Scanner()
    with open_regular(path) as stream:
        fed = unfinished = 0
        # Before 2.6, expat parses an unfinished token from its begin at every feeding: twice as much a time is linear.
        while chunk := stream.read(max(_CHUNK, unfinished)):
            scanner.feed(chunk)
            fed += len(chunk)
            unfinished = fed - scanner.parser.CurrentByteIndex
            if unfinished > _MAX_TOKEN:
                raise ValueError(f"more than {_MAX_TOKEN >> 20} MiB without a full element")
    scanner.feed(b"", last=True)
    if not scanner.complete:
        raise ValueError("no data block of cnnkit")
    return DataBlock("".join(scanner.header), scanner.spans)


class _Scanner:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.EntityDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.buffer_text = False
        self.stack: list[str] = []
        self.header: list[str] = []
        self.header_size = 0
        self.spans: list[tuple[int, int]] = []
        self.begin: int | None = None
        self.complete = False

    def feed(self, data: bytes, last: bool = False) -> None:
        try:
            self.parser.Parse(data, last)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise ValueError(f"no XML at line {error.lineno}, column {error.offset}: {reason}") from None

    def _refuse_doctype(self, *_: Any) -> None:
        raise ValueError("it has a document type declaration, which may hide entities: refused")

    def _start(self, name: str, _: dict[str, str]) -> None:
        inside = tuple(self.stack)
        self.stack.append(name)
        if len(self.stack) > _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} nested elements")
        if not name.startswith(NAMESPACE):
            if self.begin is not None or inside[-1:] in ((_HEADER,), (_PATH[2],)):
                raise ValueError("an element that does not belong in the data block")
            if not inside and name != _PATH[0]:
                raise ValueError("no SVG")
        elif tuple(self.stack) == _PATH and not self.complete:
            self.complete = True
        elif inside == _PATH and name == _HEADER and not self.header and not self.spans:
            self.header.append("")
        elif inside == _PATH and name == _TENSOR and self.header and len(self.spans) < _MAX_TENSORS:
            self.begin = -1
        else:
            raise ValueError("a data block that is not of this format")

    def _end(self, name: str) -> None:
        self.stack.pop()
        if name == _TENSOR:
            end = self.parser.CurrentByteIndex
            self.spans.append((end if self.begin in (None, -1) else int(self.begin or 0), end))
            self.begin = None

    def _text(self, text: str) -> None:
        here = self.stack[-1]
        if here == _HEADER:
            self.header_size += len(text)
            if self.header_size > _MAX_HEADER:
                raise ValueError(f"a header of more than {_MAX_HEADER >> 20} MiB")
            self.header.append(text)
        elif here == _TENSOR and self.begin == -1:
            self.begin = self.parser.CurrentByteIndex
