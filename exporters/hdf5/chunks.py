"""Reads a data set of a file by cnnkit chunk by chunk; each chunk is a run of values in C order."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnkit.exporters.core.raw_values import STEP
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.hdf5_library import translate_errors
from cnnkit.files.hdf5_places import iterate_tiles

_FLETCHER32, _SUM_BYTES = 3, 4


def iterate_parts(dataset: Any, place: str) -> Iterator[Array]:
    """Yield the values in C order, flat, in native order. Raises UnsafeFileError when they are damaged."""
    with translate_errors(place):
        plain = _is_plain(dataset)
    if plain:
        yield from _read_chunks(dataset, place)
        return
    for part in iterate_tiles(dataset.shape, dataset.dtype.itemsize, dataset.chunks, STEP):
        with translate_errors(place):
            values = np.asarray(dataset[part])
        yield np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(-1)


def _is_plain(dataset: Any) -> bool:
    """Return whether the only filter of chunks is the checksum, and chunks follow one another in C order."""
    chunk, properties = dataset.chunks, dataset.id.get_create_plist()
    if chunk is None or not dataset.size:
        return False
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    return filters == [_FLETCHER32] and chunk[_find_cut(chunk) + 1 :] == dataset.shape[_find_cut(chunk) + 1 :]


def _find_cut(chunk: tuple[int, ...]) -> int:
    """Return the axis along which chunks follow one another; along earlier axes a chunk has extent 1."""
    return next((axis for axis, extent in enumerate(chunk) if extent != 1), len(chunk) - 1)


def _read_chunks(dataset: Any, place: str) -> Iterator[Array]:
    """Yield the values of the chunks; the SHA-256 of the whole replaces their checksums."""
    chunk, shape, dtype = dataset.chunks, dataset.shape, dataset.dtype
    cut = _find_cut(chunk)
    inner = math.prod(shape[cut + 1 :])
    for begin in itertools.product(*(range(0, extent, step) for extent, step in zip(shape, chunk, strict=True))):
        count = min(chunk[cut], shape[cut] - begin[cut]) * inner
        with translate_errors(place):
            mask, content = dataset.id.read_direct_chunk(begin)
            if mask or len(content) != math.prod(chunk) * dtype.itemsize + _SUM_BYTES:
                raise ValueError(f"chunk at {begin} has another size or form")
            values = np.frombuffer(content, dtype, count)
        yield values.astype(dtype.newbyteorder("="), copy=False)
