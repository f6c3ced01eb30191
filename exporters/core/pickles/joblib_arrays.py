"""Arrays by joblib.dump: a description in the pickle, and behind it the values, between two operations."""

import math
from collections.abc import Callable
from typing import Any, BinaryIO

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.pickles.numpy_calls import NumpyArray, NumpyDtype, is_shape
from cnnkit.exporters.core.pickles.values import Blob, Opaque, Symbol, refuse
from cnnkit.files.unsafe_file import UnsafeFileError

_WRAPPER = Symbol("joblib.numpy_pickle", "NumpyArrayWrapper")


def is_wrapper(value: Opaque) -> bool:
    """Return whether an object is the description of an array whose values follow it in the file."""
    return value.symbol == _WRAPPER or value.symbol == Symbol("sklearn.externals.joblib.numpy_pickle", _WRAPPER.name)


def describe_inline_array(wrapper: Opaque, stream: BinaryIO, size: int, load_inner: Callable[[BinaryIO], Any]) -> Any:
    """Return the array, and leave the stream, of `size` bytes, behind its values. Raises UnsafeFileError."""
    state = wrapper.state if isinstance(wrapper.state, dict) else {}
    dtype, shape = state.get("dtype"), state.get("shape")
    if not isinstance(dtype, NumpyDtype) or not is_shape(shape):
        refuse("an array by joblib that is described wrongly")
    if dtype.objects:
        return load_inner(stream)
    if dtype.name is None:
        raise UnsafeFileError("an array by joblib of values that are not numbers, whose end is not known", "refused")
    if state.get("numpy_array_alignment_bytes") is not None:
        stream.seek(int.from_bytes(stream.read(1), "little"), 1)
    length = math.prod(shape) * carrier(dtype.name).itemsize
    start = stream.tell()
    if start + length > size:
        raise UnsafeFileError(f"truncated: {length} bytes expected at {start}, {max(size - start, 0)} stored")
    stream.seek(start + length)
    array = NumpyArray()
    array.describe(Blob(start, length), dtype, shape, state.get("order") == "F")
    return array
