"""h5py, imported when first used and without plug-ins; its errors about damaged files as one line."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from cnnkit.files.hdf5.environment import choose_environment
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError


def load_h5py() -> Any:
    """Import h5py without plug-ins, or clear the plug-in search path if it is imported already."""
    if "h5py" not in sys.modules:
        chosen = choose_environment(os.environ)
        for name in os.environ.keys() - chosen.keys():
            del os.environ[name]
        os.environ.update(chosen)
    import h5py

    with contextlib.suppress(RuntimeError, ValueError):
        while h5py.h5pl.size() > 0:
            h5py.h5pl.remove(0)
    return h5py


def new_group(parent: Any, name: str) -> Any:
    """Return a new group in `parent` that keeps no times, so that the same content gives the same bytes."""
    h5py = load_h5py()
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


@contextlib.contextmanager
def translate_errors(path: str | None = None) -> Iterator[None]:
    """Turn what h5py raises about a damaged file, or about the data set at `path`, into an UnsafeFileError."""
    try:
        yield
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        where = "damaged HDF5 file" if path is None else f"{printable(path)}: damaged"
        raise UnsafeFileError(f"{where}: {_find_reason(error)}") from error


def _find_reason(error: Exception) -> str:
    text = str(error)  # "Unable to synchronously open file (truncated file: eof = 1500)": the reason is in parentheses
    inner = re.fullmatch(r"(?:Unable|Can't|Couldn't) [^(]*\((.+)\)", text, re.DOTALL)
    return printable((inner[1] if inner else text) or type(error).__name__)
