"""Where the values of an HDF5 data set lie: as slices to be read one by one, or as plain runs of bytes in the file.

Runs in the worker process.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from cnnkit.files.hdf5.library import load_h5py

Tile = tuple[int | slice, ...]
_CONTIGUOUS, _CHUNKED = 1, 2
_FLETCHER32, _SUM_BYTES = 3, 4
_MOST_CHUNKS = 20_000  # of a data set
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


def find_runs(node: Any) -> dict[str, Any]:
    """Return {"runs": [[offset in the file, bytes], ...], ...} of an h5py DatasetID whose bytes are values in C order.

    "checksums": whether each run is followed by one. Return {} for data that is compressed, never written, in chunks
    that do not follow one another, or of a type that libhdf5 converts.
    """
    h5py, kind = load_h5py(), node.get_type()
    if kind.get_class() not in (_INTEGER, _FLOAT, _OPAQUE):
        return {}
    if kind.get_class() != _OPAQUE and not kind.equal(h5py.h5t.py_create(node.dtype)):
        return {}
    shape, item = node.get_space().get_simple_extent_dims(), kind.get_size()
    properties = node.get_create_plist()
    filters = [int(properties.get_filter(index)[0]) for index in range(properties.get_nfilters())]
    runs: list[list[int]] | None = None
    if not math.prod(shape):
        runs = []
    elif properties.get_layout() == _CONTIGUOUS:
        runs = _find_contiguous(node, math.prod(shape) * item)
    elif properties.get_layout() == _CHUNKED and filters in ([], [_FLETCHER32]):
        runs = _find_chunks(node, shape, properties.get_chunk(), item, _SUM_BYTES * len(filters))
    if runs is None:
        return {}
    big = kind.get_class() != _OPAQUE and node.dtype.newbyteorder("<") != node.dtype
    return {"runs": runs, "checksums": bool(filters), "big_endian": bool(big)}


def find_text_place(node: Any) -> int | None:
    """Return the offset in the file of one text of fixed length, None where only libhdf5 can read it."""
    if node.get_create_plist().get_layout() != _CONTIGUOUS:
        return None
    runs = _find_contiguous(node, node.get_type().get_size())
    return None if runs is None else runs[0][0]


def _find_contiguous(node: Any, size: int) -> list[list[int]] | None:
    begin = node.get_offset()
    return [[int(begin), size]] if begin and node.get_storage_size() == size else None


def _find_chunks(
    node: Any, shape: tuple[int, ...], chunk: tuple[int, ...], item: int, extra: int
) -> list[list[int]] | None:
    """Return the runs of chunks that are whole in all axes behind one, and of extent 1 in those before it."""
    cut = next((axis for axis, extent in enumerate(chunk) if extent != 1), len(chunk) - 1)
    grid = [-(-extent // step) for extent, step in zip(shape, chunk, strict=True)]
    if chunk[cut + 1 :] != shape[cut + 1 :] or math.prod(grid) > _MOST_CHUNKS or not hasattr(node, "chunk_iter"):
        return None
    found: dict[tuple[int, ...], int] = {}
    size = math.prod(chunk) * item

    def note(info: Any) -> None:
        if info.filter_mask == 0 and info.size == size + extra and info.byte_offset is not None:
            found[tuple(info.chunk_offset)] = info.byte_offset

    node.chunk_iter(note)
    if len(found) != math.prod(grid):
        return None
    inner, runs = math.prod(shape[cut + 1 :]) * item, []
    for begin in itertools.product(*(range(0, extent, step) for extent, step in zip(shape, chunk, strict=True))):
        if begin not in found:
            return None
        runs.append([int(found[begin]), min(chunk[cut], shape[cut] - begin[cut]) * inner])
    return runs
