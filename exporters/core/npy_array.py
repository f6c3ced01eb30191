"""One NPY array, alone or in a zip: checks its header, decodes its values."""

import io

import numpy as np

from cnnkit.exporters.core.raw_values import decode_values
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.extents import count_bytes
from cnnkit.files.npy_header import LONGEST, NpyHeader, parse_npy_header
from cnnkit.files.stored_file import Bytes

HEAD = LONGEST + 12  # what may come before the values


def read_header(head: bytes, stored: int) -> NpyHeader:
    """Return the header of an array; `head` is the beginning of the `stored` bytes that hold both.

    Raises NpyTypeError when the elements are not numbers, ValueError when header and length do not fit together.
    """
    header = parse_npy_header(io.BytesIO(head), complex_too=True)
    declared = count_bytes(header.shape, header.dtype.itemsize)
    if header.header_bytes + declared > stored:
        there = stored - header.header_bytes
        raise ValueError(f"truncated: {header.dtype} {header.shape} takes {declared} bytes, {there} there")
    return header


def decode_array(data: Bytes, header: NpyHeader) -> Array:
    """Return the values as a C-contiguous array in native order. Raises ValueError for a bool beyond 0 and 1."""
    if not header.fortran_order:
        return decode_values(data, header.dtype, header.shape)
    return np.ascontiguousarray(decode_values(data, header.dtype, header.shape[::-1]).T).reshape(header.shape)


def is_in_order(header: NpyHeader) -> bool:
    """Return whether the values lie in C order; with at most one axis longer than 1 they do in either order."""
    return not header.fortran_order or sum(extent > 1 for extent in header.shape) < 2
