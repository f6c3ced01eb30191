"""Lists an HDF5 file as JSON-ready data. Runs in the worker process."""

from typing import Any

from cnnkit.files.hdf5.attributes import read_attributes
from cnnkit.files.hdf5.budget import StorageBudget
from cnnkit.files.hdf5.library import load_h5py, translate_errors
from cnnkit.files.hdf5.places import find_runs, find_text_place
from cnnkit.files.hdf5.references import is_reference, resolve_references
from cnnkit.files.hdf5.rules import count_chunk_bytes, find_dtype, find_text_objection
from cnnkit.files.hdf5.walk import find_address, walk


def list_contents(file: Any, file_bytes: int) -> dict[str, Any]:
    """Return groups with attributes, data sets with dtype, shape, attributes and place, and what is not read, by path.

    Raises UnsafeFileError when the file is damaged or exceeds a limit.
    """
    h5py, budget = load_h5py(), StorageBudget(file_bytes)
    groups: dict[str, Any] = {}
    datasets: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    not_read: dict[str, str] = {}
    references: dict[str, dict[str, Any]] = {}
    not_followed: list[str] = []
    addresses: dict[tuple[int, int], str] = {}
    with translate_errors():
        for path, node in walk(file, not_followed):
            addresses[find_address(node)] = path
            if isinstance(node, h5py.h5g.GroupID):
                groups[path] = read_attributes(h5py.Group(node).attrs)
                continue
            attributes = read_attributes(h5py.Dataset(node).attrs)
            reason = budget.find_objection(node)
            if reason is None:
                datasets[path] = _describe(node) | {"attributes": attributes}
                continue
            not_read[path] = reason
            if find_text_objection(node, file_bytes) is None:
                size = node.get_type().get_size()
                texts[path] = {"size": size, "begin": find_text_place(node), "attributes": attributes}
            elif is_reference(node, file_bytes):
                references[path] = {"attributes": attributes}
        targets = resolve_references(file, references, addresses) if "#refs#" in groups else {}
    return {
        "groups": groups,
        "datasets": datasets,
        "not_read": not_read,
        "not_followed": not_followed,
        "texts": texts,
        "references": {path: references[path] | {"targets": found} for path, found in targets.items()},
    }


def _describe(node: Any) -> dict[str, Any]:
    shape = [int(n) for n in node.get_space().get_simple_extent_dims()]
    return {"dtype": find_dtype(node), "shape": shape, "chunk": count_chunk_bytes(node)} | find_runs(node)
