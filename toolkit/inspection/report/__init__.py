"""The page that `cnnkit inspect --html` writes: one self-contained file, nothing from the network."""

from pathlib import Path

from cnnkit.errors import ExportError
from cnnkit.files.atomic import atomic_path
from cnnkit.files.names import printable
from cnnkit.inspection.inspection import Inspection
from cnnkit.inspection.report.page import GENERATOR, render_page

_HEAD = 2048


def write(target: Path, inspection: Inspection) -> int:
    """Write an inspection with statistics as a page, whole or not at all, and return its size in bytes.

    Raises ExportError when `target` exists and is not such a page.
    """
    if target.exists() and not _is_page(target):
        raise ExportError(f"{printable(str(target))}: already exists and is no page of cnnkit: choose another name")
    with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        for text in render_page(inspection):
            stream.write(text)
    return target.stat().st_size


def _is_page(target: Path) -> bool:
    with target.open("rb") as stream:
        return GENERATOR.encode() in stream.read(_HEAD)
