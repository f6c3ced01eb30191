"""The values of a data set chunk by chunk, as a file by cnnkit keeps them: each chunk a run of values in C order."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnkit.exporters.core.raw_values import STEP
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.hdf5_library import translated
from cnnkit.files.hdf5_places import tiles

_FLETCHER32, _SUM_BYTES = 3, 4


def parts_of(dataset: Any, place: str) -> Iterator[Array]:
    """Yield the values in C order, flat, in native order. Raises UnsafeFileError when they are damaged."""
    with translated(place):
        plain = _is_plain(dataset)
    if plain:
        yield from _chunks(dataset, place)
        return
    for part in tiles(dataset.shape, dataset.dtype.itemsize, dataset.chunks, STEP):
        with translated(place):
            values = np.asarray(dataset[part])
        yield np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(-1)


def _is_plain(dataset: Any) -> bool:
    """Return whether chunks have no filter but the checksum, and follow one another in C order."""
    chunk, properties = dataset.chunks, dataset.id.get_create_plist()
    if chunk is None or not dataset.size:
        return False
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    return filters == [_FLETCHER32] and chunk[_cut(chunk) + 1 :] == dataset.shape[_cut(chunk) + 1 :]


def _cut(chunk: tuple[int, ...]) -> int:
    """Return the axis along which chunks follow one another; before it, each is of one index."""
    return next((axis for axis, extent in enumerate(chunk) if extent != 1), len(chunk) - 1)


def _chunks(dataset: Any, place: str) -> Iterator[Array]:
    """Yield what the chunks hold; their checksums are left to the SHA-256 of the whole, which finds all they find."""
    chunk, shape, dtype = dataset.chunks, dataset.shape, dataset.dtype
    cut = _cut(chunk)
    inner = math.prod(shape[cut + 1 :])
    for begin in itertools.product(*(range(0, extent, step) for extent, step in zip(shape, chunk, strict=True))):
        count = min(chunk[cut], shape[cut] - begin[cut]) * inner
        with translated(place):
            mask, content = dataset.id.read_direct_chunk(begin)
            if mask or len(content) != math.prod(chunk) * dtype.itemsize + _SUM_BYTES:
                raise ValueError(f"chunk at {begin} is of another size or form")
            values = np.frombuffer(content, dtype, count)
        yield values.astype(dtype.newbyteorder("="), copy=False)
