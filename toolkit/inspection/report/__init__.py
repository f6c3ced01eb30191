"""The page that `cnnkit inspect --html` writes: one file, everything in it, nothing from the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.atomic import atomic_path
from cnnkit.files.names import printable
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.report.page import GENERATOR, page
from cnnkit.inspection.statistics import Statistics

_HEAD = 2048


def write(
    target: Path,
    weights: WeightFile,
    shown: tuple[Tensor, ...],
    found: Mapping[tuple[str, str], Statistics],
    wrong: Sequence[Finding],
) -> int:
    """Write the page, whole or not at all, and return its size in bytes.

    Raises ExportError when something that is no such page stands at `target`.
    """
    if target.exists() and not _is_page(target):
        raise ExportError(f"{printable(str(target))}: is there already, and is no page of cnnkit: choose another name")
    with atomic_path(target) as fresh, fresh.open("w", encoding="utf-8", newline="\n") as stream:
        for text in page(weights, shown, found, wrong):
            stream.write(text)
    return target.stat().st_size


def _is_page(target: Path) -> bool:
    with target.open("rb") as stream:
        return GENERATOR.encode() in stream.read(_HEAD)
