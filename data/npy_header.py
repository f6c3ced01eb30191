"""The header of an NPY array of images or labels, with its errors as DataError."""

from typing import Any

from cnnkit.data.labels import WORDS_HINT
from cnnkit.data.refusal import refuse
from cnnkit.files.extents import count_bytes
from cnnkit.files.npy_header import NpyHeader, NpyHeaderError, NpyTypeError, parse_npy_header


def read_npy_header(where: str, file: Any) -> NpyHeader:
    """Return the header at the start of the binary stream `file`, and leave the stream at the first value.

    Raises DataError on anything but an array of booleans, integers or floats of at most 64 bits.
    """
    try:
        header = parse_npy_header(file)
    except NpyHeaderError as error:
        words = isinstance(error, NpyTypeError) and not error.pickled
        raise refuse(where, error.expected, error.got, WORDS_HINT if words else error.hint) from None
    try:
        count_bytes(header.shape, header.dtype.itemsize)
    except ValueError as error:
        raise refuse(where, "a shape that an array can have", str(error)) from None
    return header
