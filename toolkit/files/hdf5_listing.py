"""Lists an HDF5 file as JSON-ready data, and yields values of a data set in pieces. Runs in the worker process."""

import contextlib
import itertools
import math
from collections.abc import Iterator
from typing import Any

from cnnkit.files.hdf5_library import load_h5py, translate_errors
from cnnkit.files.hdf5_places import find_plain_storage, iterate_tiles
from cnnkit.files.hdf5_references import resolve_references
from cnnkit.files.hdf5_rules import find_objection, find_storage_objection
from cnnkit.files.hdf5_walk import find, walk
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_OPAQUE, _LIST = 5, 9
_CLASSES = {
    3: "text, not numbers",
    5: "opaque bytes, not numbers",
    6: "a compound of several fields, perhaps references to other data, which are not followed",
    7: "references to other data, which are not followed",
    9: "a list of varying length, not numbers",
}
_SMALL, _PIECE = 1 << 20, 8 << 20  # bytes of a piece: chunks that fit HDF5's cache; larger ones
_DENSE = 256 << 20
_ATTRIBUTE = 64 << 20
_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split()  # noqa: SIM905
)


def list_contents(file: Any) -> dict[str, Any]:
    """Return groups with attributes, data sets with dtype, shape and attributes, what is not read, references, by path.

    Raises UnsafeFileError when the file is damaged or exceeds a limit.
    """
    h5py = load_h5py()
    with translate_errors():
        nodes = walk(file)
        datasets, not_read = {}, {}
        for path, node in nodes.datasets.items():
            attributes = _read_attributes(h5py.Dataset(node).attrs)
            reason = _find_objection(node, attributes)
            if reason is None:
                shape = [int(n) for n in node.get_space().get_simple_extent_dims()]
                datasets[path] = {"dtype": _find_dtype(node, attributes), "shape": shape, "attributes": attributes}
                datasets[path] |= find_plain_storage(node)
            else:
                not_read[path] = reason
        groups = {path: _read_attributes(h5py.Group(node).attrs) for path, node in nodes.groups.items()}
        references = {
            path: {"targets": targets, "attributes": _read_attributes(h5py.Dataset(nodes.datasets[path]).attrs)}
            for path, targets in resolve_references(file, nodes).items()
        }
    listing = {"groups": groups, "datasets": datasets, "not_read": not_read, "not_followed": nodes.not_followed}
    return listing | {"references": references}


def iterate_values(file: Any, path: str, first: int = 0, count: int | None = None) -> Iterator[Any]:
    """Yield the values of one data set in C order, little-endian, as arrays of a few MiB: `count` from the `first` on.

    Raises UnsafeFileError when there is no such data set, or it is damaged or against the rules.
    """
    with translate_errors(path):
        node = find(file, path)
        if node is None:
            raise UnsafeFileError(f"{printable(path)} has gone since the file was listed")
        dataset = load_h5py().Dataset(node)
        reason = _find_objection(node, _read_attributes(dataset.attrs))
        if reason is not None:
            raise UnsafeFileError(f"{printable(path)}: {reason}", "refused")
        places = iterate_tiles(dataset.shape, dataset.dtype.itemsize, dataset.chunks, _choose_piece(dataset))
        for place in itertools.islice(places, first, None if count is None else first + count):
            part = dataset[place]
            yield part.astype(part.dtype.newbyteorder("<"), copy=False)


def _choose_piece(dataset: Any) -> int:
    chunks, shape = dataset.chunks, dataset.shape
    band = chunks[0] * math.prod(shape[1:]) * dataset.dtype.itemsize if chunks else 0
    return min(_SMALL, _PIECE) if band <= _SMALL else _PIECE


def _find_objection(node: Any, attributes: dict[str, Any]) -> str | None:
    if _is_bfloat16(node, attributes):
        reason = find_storage_objection(node, 2)
    else:
        reason = find_objection(node)
        if reason is not None and node.get_type().get_class() in _CLASSES:
            return _CLASSES[node.get_type().get_class()]
    if reason is None and _find_dtype(node, attributes) not in _DTYPES:
        return "an element type that NumPy does not have"
    if reason is None:
        declared = math.prod(node.get_space().get_simple_extent_dims()) * node.get_type().get_size()
        stored = int(node.get_storage_size())
        if declared > _DENSE and stored * 1000 < declared:
            return f"declares {declared} bytes and stores {stored}"
    return reason


def _is_bfloat16(node: Any, attributes: dict[str, Any]) -> bool:
    kind = node.get_type()  # Keras writes such values as two opaque bytes each, with an attribute for their type
    return kind.get_class() == _OPAQUE and kind.get_size() == 2 and attributes.get("dtype") == "bfloat16"


def _find_dtype(node: Any, attributes: dict[str, Any]) -> str | None:
    if _is_bfloat16(node, attributes):
        return "bfloat16"
    try:
        return str(node.dtype.newbyteorder("=").name)
    except (TypeError, ValueError):
        return None


def _read_attributes(attributes: Any) -> dict[str, Any]:
    """Return the attributes that are text, numbers or lists of them; h5py cannot read all others."""
    plain = {}
    names: list[str | bytes] = []
    with contextlib.suppress(TypeError, ValueError, RuntimeError, OSError):
        names = list(attributes)
    for name in names:
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OSError, KeyError):
            attribute = attributes.get_id(name)
            kind = attribute.get_type()
            if kind.get_class() == _LIST:  # lies in a heap that libhdf5 trusts; nobody needs it
                continue
            if math.prod(attribute.shape) * kind.get_size() <= _ATTRIBUTE:
                known = name if isinstance(name, str) else bytes(name).decode("utf-8", "surrogateescape")
                plain[known] = _to_plain(attributes[name])
    return plain


def _to_plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if hasattr(value, "tolist"):
        return _to_plain(value.tolist())
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if not isinstance(value, str | bool | int | float):
        raise TypeError(value)
    return value
