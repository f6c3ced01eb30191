"""References between objects of an HDF5 file, as paths: MATLAB keeps the content of cells behind them.

Runs in the worker process. Only what the walk found by hard links inside the file is a target; nothing else is named.
"""

import contextlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from cnnkit.files.hdf5.library import load_h5py
from cnnkit.files.hdf5.rules import find_storage_objection
from cnnkit.files.hdf5.walk import find, find_address
from cnnkit.files.unsafe_file import UnsafeFileError

_MOST = 200_000
_REFERENCE, _ITEM = 7, 8  # H5T_REFERENCE; bytes of a reference to an object


def is_reference(dataset: Any, file_bytes: int) -> bool:
    """Return whether an h5py DatasetID holds references to objects, as far as they may be read."""
    kind = dataset.get_type()
    is_one = kind.get_class() == _REFERENCE and kind.get_size() == _ITEM
    return is_one and find_storage_objection(dataset, file_bytes) is None


def resolve_references(
    file: Any, paths: Iterable[str], addresses: Mapping[tuple[int, int], str]
) -> dict[str, list[str]]:
    """Return {path of a data set of references: paths of its targets, "" for none}, in C order.

    addresses: the path of every object that the walk has found.

    Raises UnsafeFileError for more references than any file of weights has.
    """
    h5py, resolved, total = load_h5py(), dict[str, list[str]](), 0
    for path in paths:
        dataset = h5py.Dataset(find(file, path))
        total += math.prod(dataset.shape)
        if total > _MOST:
            raise UnsafeFileError(f"more than {_MOST} references", "too_big")
        resolved[path] = [_find_target(file, addresses, reference) for reference in dataset[()].reshape(-1)]
    return resolved


def _find_target(file: Any, known: Mapping[tuple[int, int], str], reference: Any) -> str:
    with contextlib.suppress(ValueError, RuntimeError, OSError, TypeError, KeyError):
        if reference:
            return known.get(find_address(load_h5py().h5r.dereference(reference, file.id)), "")
    return ""
