"""Format "json": all of a net as one JSON document that any parser reads; numbers in their shortest exact form."""

import re
from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.number_text.support import list_unsupported
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.json.reader import NAME, read_json
from cnnkit.exporters.json.writer import FORMAT, write_json

_MARK = re.compile(rb'"format"\s*:\s*"' + FORMAT.encode() + b'"')


class JsonFormat(Format):
    """Exact: a NaN keeps its payload, as the string "+nan(0x1)", because JSON has no NaN."""

    name = NAME
    suffixes = (".json",)
    priority = Priority.SPECIFIC
    description = "one JSON document: architecture, metadata, and every number exactly"
    reads = writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether it is an object with this format's name near its beginning."""
        return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") and _MARK.search(head) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the content of the document; `edited` names tensors whose values do not fit their SHA-256.

        Raises WeightFileError for anything but strict JSON of this form.
        """
        return read_json(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Write `weights`; the same weights give the same bytes. Raises ExportError for types that it cannot hold."""
        write_json(weights, path)

    def losses(self, weights: WeightFile) -> tuple[str, ...]:
        """Return a line for each tensor of a type that the format cannot hold."""
        return list_unsupported(weights, FORMAT)
