"""The rules for data sets of an HDF5 file that may be read: an allow-list, because libhdf5 trusts its input."""

import math
from typing import Any

_TYPES = frozenset({0, 1, 8})  # H5T_INTEGER, H5T_FLOAT, H5T_ENUM (a bool is an enum)
_FILTERS = frozenset({1, 2, 3, 4, 32000})  # gzip, shuffle, fletcher32, szip, lzf: built in; plug-ins are never loaded
_ITEM_BYTES = frozenset({1, 2, 4, 8})
_CHUNKED, _VIRTUAL, _NULL_SPACE, _STRING = 2, 3, 2, 3
_LARGE = 4 << 30
_CHUNK = 64 << 20
TEXT_LIMIT = 256 << 20


def find_objection(dataset: Any) -> str | None:
    """Return why the values behind an h5py DatasetID must not be read as numbers, or None when they may."""
    kind = dataset.get_type()
    if kind.get_class() not in _TYPES or kind.get_size() not in _ITEM_BYTES:
        return "neither float, integer, bool nor enum"
    return find_storage_objection(dataset, kind.get_size())


def find_text_objection(dataset: Any) -> str | None:
    """Return why an h5py DatasetID must not be read as one text, or None when it may."""
    kind = dataset.get_type()
    # Texts of variable length lie in a heap without checksum, which a damaged file can make huge.
    if kind.get_class() != _STRING or kind.is_variable_str() or dataset.get_space().get_simple_extent_ndims() != 0:
        return "not one text of fixed length"
    if kind.get_size() > TEXT_LIMIT:
        return f"a text of {kind.get_size()} bytes, more than {TEXT_LIMIT}"
    return find_storage_objection(dataset, kind.get_size())


def find_storage_objection(dataset: Any, item_bytes: int) -> str | None:
    """Return why the bytes behind an h5py DatasetID must not be read, whatever their type, or None when they may."""
    properties = dataset.get_create_plist()
    filters = {int(properties.get_filter(i)[0]) for i in range(properties.get_nfilters())}
    if properties.get_layout() == _VIRTUAL:
        return "virtual: its values lie in other data sets"
    if properties.get_external_count() != 0:
        return "external storage: its values lie in other files"
    if not filters <= _FILTERS:
        return f"filter {min(filters - _FILTERS)} is not one of gzip, shuffle, fletcher32, szip, lzf"
    return _find_size_objection(dataset, properties, item_bytes)


def _find_size_objection(dataset: Any, properties: Any, item_bytes: int) -> str | None:
    space = dataset.get_space()
    if space.get_simple_extent_type() == _NULL_SPACE:
        return "no values (null space)"
    declared = math.prod(int(n) for n in space.get_simple_extent_dims()) * item_bytes
    stored = int(dataset.get_storage_size())
    if declared > _LARGE and stored * 1000 < declared:
        return f"declares {declared} bytes and stores {stored}"
    chunk = math.prod(properties.get_chunk()) * item_bytes if properties.get_layout() == _CHUNKED else 0
    if chunk > max(_CHUNK, 2 * declared):
        return f"declares {declared} bytes in chunks of {chunk}"
    return None
