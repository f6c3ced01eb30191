"""References between objects of an HDF5 file, as paths: MATLAB keeps the content of cells behind them.

Runs in the worker process. Only what the walk found by hard links inside the file is a target; nothing else is named.
"""

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from cnnkit.files.hdf5_library import load_h5py
from cnnkit.files.hdf5_rules import find_storage_objection
from cnnkit.files.hdf5_walk import Nodes, find_address
from cnnkit.files.unsafe_file import UnsafeFileError

_FOLDER = "#refs#"  # the group of MATLAB's targets; files of other programs keep their references to themselves
_MOST = 200_000
_REFERENCE, _ITEM = 7, 8  # H5T_REFERENCE; bytes of a reference to an object


def resolve_references(file: Any, nodes: Nodes, file_bytes: int) -> dict[str, list[str]]:
    """Return {path of a data set of references: paths of its targets, "" for none}, in C order.

    Raises UnsafeFileError for more references than any file of weights has.
    """
    if _FOLDER not in nodes.groups:
        return {}
    h5py, resolved, total = load_h5py(), dict[str, list[str]](), 0
    known: Mapping[Any, str] = {find_address(node): path for path, node in (nodes.groups | nodes.datasets).items()}
    for path, node in nodes.datasets.items():
        kind = node.get_type()
        if kind.get_class() != _REFERENCE or kind.get_size() != _ITEM or find_storage_objection(node, file_bytes):
            continue
        total += math.prod(node.get_space().get_simple_extent_dims())
        if total > _MOST:
            raise UnsafeFileError(f"more than {_MOST} references", "too_big")
        references = h5py.Dataset(node)[()]
        resolved[path] = [_find_target(file, known, reference) for reference in references.reshape(-1)]
    return resolved


def _find_target(file: Any, known: Mapping[Any, str], reference: Any) -> str:
    with contextlib.suppress(ValueError, RuntimeError, OSError, TypeError, KeyError):
        if reference:
            return known.get(find_address(load_h5py().h5r.dereference(reference, file.id)), "")
    return ""
