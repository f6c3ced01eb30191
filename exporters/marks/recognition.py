"""Which row of the tables a file or folder is, as the error that says so."""

from pathlib import Path

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.marks.containers import CONTAINERS
from cnnkit.exporters.marks.folders import FOLDERS, Folder
from cnnkit.exporters.marks.networks import NETWORKS
from cnnkit.exporters.marks.texts import TEXTS
from cnnkit.exporters.marks.unknown_file import UnknownFile
from cnnkit.files.zips.gate import is_zip, open_zip

MARKS = (*CONTAINERS, *TEXTS, *NETWORKS)


def explain_file(path: Path, head: bytes, readable: str) -> WeightFileError:
    """Return the error about a file that no format recognises; `readable` names the formats that are read.

    Raises WeightFileError for a zip that is damaged or breaks a rule, and OSError.
    """
    if is_zip(path):
        with faults_of(path, "zip"):
            open_zip(path)
    sample = UnknownFile(path, head)
    mark = next((mark for mark in MARKS if mark.fits(sample)), None)
    if mark is None:
        return fault(path, f"unknown content, begins with {head[:8].hex(' ')}", hint=f"cnnkit reads {readable}")
    what, advice = mark.describe(sample, path)
    return fault(path, what, hint=advice)


def explain_folder(path: Path) -> WeightFileError:
    """Return the error about a folder. Raises OSError when it cannot be listed."""
    folder = Folder(path)
    mark = next((mark for mark in FOLDERS if mark.fits(folder)), None)
    if mark is None:
        return fault(path, "a folder, not a file")
    what, advice = mark.describe(folder, path)
    return fault(path, what, hint=advice)
