"""One NPY array, alone or in a zip: its header now, its values when asked."""

import io

import numpy as np

from cnnkit.exporters.core.raw_values import values_of
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.extents import byte_count
from cnnkit.files.npy_header import LONGEST, NpyHeader, NpyTypeError, parse_npy_header
from cnnkit.files.stored_file import Bytes
from cnnkit.files.unsafe_file import UnsafeFileError

HEAD = LONGEST + 12  # what may come before the values


def header_of(head: bytes, stored: int) -> NpyHeader:
    """Return the header of an array that takes `stored` bytes with it, of which `head` are the first.

    Raises NpyTypeError when the elements are not numbers, UnsafeFileError for pickled ones,
    ValueError when header and length do not fit together.
    """
    try:
        header = parse_npy_header(io.BytesIO(head), complex_too=True)
    except NpyTypeError as error:
        if error.pickled:
            raise UnsafeFileError(str(error), "refused") from error
        raise
    declared = byte_count(header.shape, header.dtype.itemsize)
    if header.header_bytes + declared > stored:
        there = stored - header.header_bytes
        raise ValueError(f"truncated: {header.dtype} {header.shape} takes {declared} bytes, {there} there")
    return header


def array_of(data: Bytes, header: NpyHeader) -> Array:
    """Return the values as a C-contiguous array in native order. Raises ValueError for a bool beyond 0 and 1."""
    if not header.fortran_order:
        return values_of(data, header.dtype, header.shape)
    return np.ascontiguousarray(values_of(data, header.dtype, header.shape[::-1]).T).reshape(header.shape)


def in_order(header: NpyHeader) -> bool:
    """Return whether the values lie in C order: an array of one long axis does, whatever its header says."""
    return not header.fortran_order or sum(extent > 1 for extent in header.shape) < 2
