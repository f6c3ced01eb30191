"""Lists an HDF5 file as JSON-ready data. Runs in the worker process."""

from typing import Any

from cnnkit.files.hdf5_attributes import read_attributes
from cnnkit.files.hdf5_library import load_h5py, translate_errors
from cnnkit.files.hdf5_places import find_runs, find_text_place
from cnnkit.files.hdf5_references import resolve_references
from cnnkit.files.hdf5_rules import (
    count_bytes,
    count_chunk_bytes,
    describe_air,
    find_air,
    find_dtype,
    find_objection,
    find_text_objection,
)
from cnnkit.files.hdf5_walk import Nodes, find_address, walk

_ALIASES = 16  # how many times the bytes of a file may be named, by links to the same data set


def list_contents(file: Any, file_bytes: int) -> dict[str, Any]:
    """Return groups with attributes, data sets with dtype, shape, attributes and place, and what is not read, by path.

    Raises UnsafeFileError when the file is damaged or exceeds a limit.
    """
    h5py = load_h5py()
    with translate_errors():
        nodes = walk(file)
        not_read = _find_objections(nodes, file_bytes)
        attributes = {path: read_attributes(h5py.Dataset(node).attrs) for path, node in nodes.datasets.items()}
        datasets = {}
        for path, node in nodes.datasets.items():
            if path not in not_read:
                shape = [int(n) for n in node.get_space().get_simple_extent_dims()]
                datasets[path] = {"dtype": find_dtype(node), "shape": shape, "attributes": attributes[path]}
                datasets[path] |= {"chunk": count_chunk_bytes(node)} | find_runs(node)
        texts = {
            path: {"size": node.get_type().get_size(), "begin": find_text_place(node), "attributes": attributes[path]}
            for path, node in nodes.datasets.items()
            if path in not_read and find_text_objection(node, file_bytes) is None
        }
        groups = {path: read_attributes(h5py.Group(node).attrs) for path, node in nodes.groups.items()}
        references = {
            path: {"targets": targets, "attributes": attributes[path]}
            for path, targets in resolve_references(file, nodes, file_bytes).items()
        }
    listing = {"groups": groups, "datasets": datasets, "not_read": not_read, "not_followed": nodes.not_followed}
    return listing | {"references": references, "texts": texts}


def _find_objections(nodes: Nodes, file_bytes: int) -> dict[str, str]:
    """Return {path of a data set: why it must not be read}: each by itself, and all together."""
    objections: dict[str, str] = {}
    known: set[tuple[int, int]] = set()
    air = own = repeated = 0
    for path, node in nodes.datasets.items():
        reason = find_objection(node, file_bytes)
        if reason is None:
            declared, stored = count_bytes(node)
            address = find_address(node)
            reason = describe_air(declared, stored, air + find_air(declared, stored))
            if address in known:
                repeated += stored
                if repeated > _ALIASES * file_bytes:
                    reason = f"the data sets of the file are named more than {_ALIASES} times"
            else:
                own += stored
                if own > file_bytes:
                    reason = f"stores {stored} bytes, with those before it more than the file has: they overlap"
            known.add(address)
            air += find_air(declared, stored) if reason is None else 0
        if reason is not None:
            objections[path] = reason
    return objections
