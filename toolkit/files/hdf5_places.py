"""Where the values of an HDF5 data set lie: as slices to be read one by one, or as a plain run of bytes in the file."""

import math
from collections.abc import Iterator
from typing import Any

from cnnkit.files.hdf5_library import load_h5py

Tile = tuple[int | slice, ...]
_CONTIGUOUS = 1
_INTEGER, _FLOAT, _OPAQUE = 0, 1, 5


def iterate_tiles(shape: tuple[int, ...], item_bytes: int, chunks: tuple[int, ...] | None, most: int) -> Iterator[Tile]:
    """Yield slices of up to `most` bytes that tile an array in C order, cut between chunks where these fit."""
    if math.prod(shape) == 0 or math.prod(shape) * item_bytes <= most:
        yield ()
        return
    axis = next(i for i in range(len(shape)) if math.prod(shape[i + 1 :]) * item_bytes <= most)
    rows = max(most // (math.prod(shape[axis + 1 :]) * item_bytes), 1)
    if chunks is not None and chunks[axis] < rows:
        rows -= rows % chunks[axis]
    for index in range(math.prod(shape[:axis])):
        lead: tuple[int, ...] = ()
        rest = index
        for extent in reversed(shape[:axis]):
            rest, digit = divmod(rest, extent)
            lead = (digit, *lead)
        for start in range(0, shape[axis], rows):
            yield (*lead, slice(start, min(start + rows, shape[axis])))


def find_plain_storage(node: Any) -> dict[str, Any]:
    """Return {"begin": offset in the file, "big_endian": ...} of an h5py DatasetID whose bytes are values in C order.

    Return {} for data that is chunked, filtered, never written, or of a type that libhdf5 converts.
    """
    h5py, kind = load_h5py(), node.get_type()
    if node.get_create_plist().get_layout() != _CONTIGUOUS or kind.get_class() not in (_INTEGER, _FLOAT, _OPAQUE):
        return {}
    begin, size = node.get_offset(), math.prod(node.get_space().get_simple_extent_dims()) * kind.get_size()
    if not begin or not size or node.get_storage_size() != size:
        return {}
    if kind.get_class() != _OPAQUE and not kind.equal(h5py.h5t.py_create(node.dtype)):
        return {}
    big = kind.get_class() != _OPAQUE and node.dtype.newbyteorder("<") != node.dtype
    return {"begin": int(begin), "big_endian": bool(big)}
