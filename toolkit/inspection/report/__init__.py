"""The page that `cnnkit inspect --html` writes: one self-contained file, nothing from the network."""

from pathlib import Path

from cnnkit.errors import ExportError
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular
from cnnkit.files.writing.atomic import require_writable, write_whole
from cnnkit.inspection.inspection import Inspection
from cnnkit.inspection.report.page import GENERATOR, render_page

_HEAD = 2048


def require_place(target: Path) -> None:
    """Raise ExportError when `target` exists and is not such a page, OSError when it cannot be written."""
    if target.is_file() and not _is_page(target):
        raise ExportError(f"{printable(str(target))}: already exists and is no page of cnnkit: choose another name")
    require_writable(target)


def write(target: Path, inspection: Inspection) -> int:
    """Write an inspection with statistics as a page, whole or not at all, and return its size in bytes.

    Raises what `require_place` raises.
    """
    require_place(target)

    def fill(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            for text in render_page(inspection):
                stream.write(text)

    write_whole(target, fill)
    return target.stat().st_size


def _is_page(target: Path) -> bool:
    with open_regular(target) as stream:
        return GENERATOR.encode() in stream.read(_HEAD)
