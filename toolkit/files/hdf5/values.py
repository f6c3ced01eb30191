"""Reads values of an HDF5 data set in pieces of a few MiB. Runs in the worker process."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from cnnkit.files.hdf5.library import load_h5py, translate_errors
from cnnkit.files.hdf5.places import iterate_tiles
from cnnkit.files.hdf5.rules import count_chunk_bytes, find_objection, find_text_objection
from cnnkit.files.hdf5.source import CACHE
from cnnkit.files.hdf5.walk import find
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

_SMALL, _PIECE = 1 << 20, 8 << 20  # bytes of a piece: chunks that fit HDF5's cache; larger ones


def iterate_values(file: Any, path: str, which: Sequence[int] = ()) -> Iterator[Any]:
    """Yield the values of one data set in C order, little-endian, as arrays of a few MiB: (first, count) of these.

    Raises UnsafeFileError when there is no such data set, or it is damaged or against the rules.
    """
    with translate_errors(path):
        dataset = _find_numbers(file, path)
        tiles = iterate_tiles(dataset.shape, dataset.dtype.itemsize, dataset.chunks, _choose_piece(dataset))
        first, count = which or (0, None)
        for place in itertools.islice(tiles, first, None if count is None else first + count):
            yield _to_little(dataset[place])


def iterate_rows(file: Any, path: str, which: Sequence[Sequence[int]]) -> Iterator[Any]:
    """Yield rows begin to end along the first axis, for each (begin, end), in the same way. Raises as above."""
    with translate_errors(path):
        dataset = _keep_one_chunk(_find_numbers(file, path))
        for begin, end in which:
            shape = (end - begin, *dataset.shape[1:])
            for place in iterate_tiles(shape, dataset.dtype.itemsize, dataset.chunks, _PIECE):
                first, *rest = place or (slice(0, end - begin),)
                if isinstance(first, slice):
                    yield _to_little(dataset[(slice(begin + first.start, begin + first.stop), *rest)])
                else:
                    yield _to_little(dataset[(begin + first, *rest)])


def read_text(file: Any, path: str) -> bytes:
    """Return one text of fixed length. Raises as `iterate_values`."""
    with translate_errors(path):
        node = _find(file, path)
        _refuse(path, find_text_objection(node, _count_bytes(file)))
        return bytes(load_h5py().Dataset(node)[()])


def _find_numbers(file: Any, path: str) -> Any:
    node = _find(file, path)
    _refuse(path, find_objection(node, _count_bytes(file)))
    return load_h5py().Dataset(node)


def _keep_one_chunk(dataset: Any) -> Any:
    """Return the data set with a cache that holds a large chunk, so that rows of one chunk unpack it once."""
    h5py, size = load_h5py(), count_chunk_bytes(dataset.id)
    if size <= CACHE["rdcc_nbytes"]:
        return dataset
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(CACHE["rdcc_nslots"], size, 1.0)
    name, file = dataset.name.encode("utf-8", "surrogateescape"), dataset.file.id
    dataset.id.close()
    return h5py.Dataset(h5py.h5d.open(file, name, access))


def _find(file: Any, path: str) -> Any:
    node = find(file, path)
    if node is None:
        raise UnsafeFileError(f"{printable(path)} has gone since the file was listed")
    return node


def _refuse(path: str, reason: str | None) -> None:
    if reason is not None:
        raise UnsafeFileError(f"{printable(path)}: {reason}", "refused")


def _count_bytes(file: Any) -> int:
    return int(file.id.get_filesize())


def _to_little(part: Any) -> Any:
    return part.astype(part.dtype.newbyteorder("<"), copy=False)


def _choose_piece(dataset: Any) -> int:
    chunks, shape = dataset.chunks, dataset.shape
    band = chunks[0] * math.prod(shape[1:]) * dataset.dtype.itemsize if chunks else 0
    return min(_SMALL, _PIECE) if band <= _SMALL else _PIECE
