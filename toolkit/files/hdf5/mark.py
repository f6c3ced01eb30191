"""How an HDF5 file begins."""

from collections.abc import Iterable
from pathlib import Path

from cnnkit.files.regular_file import open_regular

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_PLACES = (0, 512, 1024, 2048, 4096)  # a user block may come first, as in files of MATLAB and Julia


def is_hdf5(head: bytes) -> bool:
    """Return whether a file that begins with `head` has the HDF5 signature."""
    return any(head.startswith(SIGNATURE, place) for place in _PLACES)


def find_hdf5(paths: Iterable[str]) -> str | None:
    """Return the first of `paths` that is a file with the HDF5 signature, None where there is none."""
    for path in paths:
        try:
            with open_regular(Path(path)) as stream:
                if is_hdf5(stream.read(_PLACES[-1] + len(SIGNATURE))):
                    return path
        except (OSError, ValueError):
            continue
    return None
