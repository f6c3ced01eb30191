"""The rules for data sets of an HDF5 file that may be read: an allow-list, because libhdf5 trusts its input."""

import contextlib
import math
from typing import Any

from cnnkit.files.hdf5.library import load_h5py

_TYPES = frozenset({0, 1, 8})  # H5T_INTEGER, H5T_FLOAT, H5T_ENUM (a bool is an enum)
_FILTERS = frozenset({1, 2, 3, 4, 32000})  # gzip, shuffle, fletcher32, szip, lzf: built in; plug-ins are never loaded
_ITEM_BYTES = frozenset({1, 2, 4, 8})
_CHUNKED, _VIRTUAL, _NULL_SPACE, _STRING, _OPAQUE = 2, 3, 2, 3, 5
_AIR = 64 << 20  # bytes that a data set may declare beyond what its stored ones can unpack to
_RATIO = 1000  # about what gzip reaches at most
_CHUNK, _SMALL_CHUNK, _CHUNK_RATIO = 64 << 20, 16 << 20, 16
TEXT_LIMIT = 256 << 20
_CLASSES = {
    3: "text, not numbers",
    5: "opaque bytes, not numbers",
    6: "a compound of several fields, perhaps references to other data, which are not followed",
    7: "references to other data, which are not followed",
    9: "a list of varying length, not numbers",
}
_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16".split()  # noqa: SIM905
)


def find_objection(dataset: Any, file_bytes: int) -> str | None:
    """Return why the values behind an h5py DatasetID must not be read as numbers, or None when they may."""
    kind, name = dataset.get_type(), find_dtype(dataset)
    if name != "bfloat16" and (kind.get_class() not in _TYPES or kind.get_size() not in _ITEM_BYTES):
        return _CLASSES.get(kind.get_class(), "neither float, integer, bool nor enum")
    reason = find_storage_objection(dataset, file_bytes)
    if reason is None and name not in _DTYPES:
        return "an element type that NumPy does not have"
    return reason


def find_dtype(dataset: Any) -> str | None:
    """Return the name of the element type, None where NumPy has none.

    Keras writes bfloat16 as two opaque bytes each, with an attribute for their type.
    """
    kind = dataset.get_type()
    if kind.get_class() == _OPAQUE and kind.get_size() == 2:
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OSError, KeyError):
            if load_h5py().Dataset(dataset).attrs["dtype"] in ("bfloat16", b"bfloat16"):
                return "bfloat16"
    try:
        return str(dataset.dtype.newbyteorder("=").name)
    except (TypeError, ValueError):
        return None


def find_text_objection(dataset: Any, file_bytes: int) -> str | None:
    """Return why an h5py DatasetID must not be read as one text, or None when it may."""
    kind = dataset.get_type()
    # Texts of variable length lie in a heap without checksum, which a damaged file can make huge.
    if kind.get_class() != _STRING or kind.is_variable_str() or dataset.get_space().get_simple_extent_ndims() != 0:
        return "not one text of fixed length"
    if kind.get_size() > TEXT_LIMIT:
        return f"a text of {kind.get_size()} bytes, more than {TEXT_LIMIT}"
    return find_storage_objection(dataset, file_bytes)


def find_storage_objection(dataset: Any, file_bytes: int) -> str | None:
    """Return why the bytes behind an h5py DatasetID must not be read, whatever their type, or None when they may."""
    properties = dataset.get_create_plist()
    filters = {int(properties.get_filter(i)[0]) for i in range(properties.get_nfilters())}
    if properties.get_layout() == _VIRTUAL:
        return "virtual: its values lie in other data sets"
    if properties.get_external_count() != 0:
        return "external storage: its values lie in other files"
    if not filters <= _FILTERS:
        return f"filter {min(filters - _FILTERS)} is not one of gzip, shuffle, fletcher32, szip, lzf"
    return _find_size_objection(dataset, file_bytes)


def count_bytes(dataset: Any) -> tuple[int, int]:
    """Return how many bytes an h5py DatasetID declares, and how many it stores."""
    extents = dataset.get_space().get_simple_extent_dims()
    return math.prod(int(n) for n in extents) * dataset.get_type().get_size(), int(dataset.get_storage_size())


def count_chunk_bytes(dataset: Any) -> int:
    """Return how many bytes one chunk of an h5py DatasetID unpacks to, 0 where there are no chunks."""
    properties = dataset.get_create_plist()
    chunks = properties.get_chunk() if properties.get_layout() == _CHUNKED else (0,)
    return math.prod(chunks) * int(dataset.get_type().get_size())


def find_air(declared: int, stored: int) -> int:
    """Return the bytes of a data set that are surely no more than a fill value."""
    return max(declared - _RATIO * stored, 0)


def describe_air(declared: int, stored: int, air: int) -> str | None:
    """Return the objection to a data set where all so far hold `air` bytes of nothing, or None."""
    return f"declares {declared} bytes and stores {stored}" if air > _AIR else None


def _find_size_objection(dataset: Any, file_bytes: int) -> str | None:
    if dataset.get_space().get_simple_extent_type() == _NULL_SPACE:
        return "no values (null space)"
    declared, stored = count_bytes(dataset)
    if stored > file_bytes:
        return f"stores {stored} bytes in a file of {file_bytes}"
    reason = describe_air(declared, stored, find_air(declared, stored))
    chunk = count_chunk_bytes(dataset)
    # A small file of large chunks unpacks to a great deal at once.
    most = max(min(_CHUNK, max(_SMALL_CHUNK, _CHUNK_RATIO * file_bytes)), 2 * min(declared, _CHUNK_RATIO * file_bytes))
    if reason is None and chunk > most:
        return f"declares {declared} bytes in chunks of {chunk}"
    return reason
