"""Format "svg": the picture of a net that is at the same time its weight file."""

from pathlib import Path
from typing import Any

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.svg.reader import read_svg

_MARK = b'class="cnnkit-svg"'


class SvgFormat(Format):
    """Draws every parameter, and keeps every value exactly in the file's metadata; only that is read back."""

    name = "svg"
    suffixes = (".svg",)
    priority = Priority.SPECIFIC
    description = "a picture of every weight, exact values on hover and in its data block"
    reads = True
    writes = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether this is an SVG that cnnkit drew."""
        return b"<svg" in head and _MARK in head

    def read(self, path: Path) -> WeightFile:
        """Return what the data block holds, whatever the drawing shows. Raises WeightFileError."""
        return read_svg(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:  # noqa: ARG002
        """Draw `weights` to `path`. Raises ExportError for more values than a picture may carry."""
        from cnnkit.exporters.svg.page import draw

        path.write_bytes(draw(weights).encode())
