"""Reads a file by numpy.save: the header first, the values when asked."""

import functools
from pathlib import Path

from cnnkit.exporters.core.faults import faults_of
from cnnkit.exporters.core.npy_array import HEAD, decode_array, is_in_order, read_header
from cnnkit.exporters.core.pickles.object_array import list_object_arrays
from cnnkit.exporters.core.raw_values import STEP, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, WeightFile, numbered_axes
from cnnkit.files.npy_header import NpyHeader, NpyTypeError
from cnnkit.files.stored_file import StoredFile

NAME = "npy"
_TENSOR = "arr_0"  # what NumPy calls an array without a name


def read_npy(path: Path) -> WeightFile:
    """Return the array as the one tensor "arr_0", or, of objects, the arrays in it.

    Raises WeightFileError when it is damaged or not of numbers.
    """
    with faults_of(path, NAME):
        file = StoredFile(path)
        try:
            header = read_header(file.read(0, min(file.size, HEAD)).tobytes(), file.size)
        except NpyTypeError as error:
            if not error.pickled:
                raise
            pickled = file.read(error.header_bytes, file.size - error.header_bytes).tobytes()
            tensors, rest = list_object_arrays(path, NAME, _TENSOR, pickled)
            return WeightFile(tensors, not_read=rest, file=str(path))
    behind = file.size - header.header_bytes - header.value_bytes
    not_read = (NotRead("bytes behind the array", behind, "not part of it"),) if behind else ()
    axes = numbered_axes(len(header.shape))
    read = functools.partial(_read, file, header)
    blocks = functools.partial(file.blocks, header.header_bytes, header.value_bytes, STEP)
    stream = functools.partial(stream_array, path, NAME, _TENSOR, blocks, header.dtype)
    tensor = Tensor(
        *(_TENSOR, "", "parameter", "other", axes, header.dtype.name, header.shape, read),
        stream if is_in_order(header) else None,
    )
    return WeightFile((tensor,), not_read=not_read, file=str(path))


def _read(file: StoredFile, header: NpyHeader) -> Array:
    with faults_of(file.path, NAME):
        return decode_array(file.read(header.header_bytes, header.value_bytes), header)
