"""NumPy's arrays, types and scalars, as NumPy's pickles describe them."""

import math
import re
from typing import Any, TypeGuard

import numpy as np

from cnnkit.exporters.core.element_types import carrier, is_raw
from cnnkit.exporters.core.pickles.encoded_bytes import as_blob
from cnnkit.exporters.core.pickles.values import (
    Absent,
    Blob,
    Call,
    Storage,
    Symbol,
    TensorRef,
    describe_tensor,
    is_whole,
    refuse,
)
from cnnkit.files.extents import MAX_RANK, count_bytes, strides
from cnnkit.files.names import printable

_CODE = re.compile(r"[<>|=]?([biufcSUVOMm?])([0-9]{0,9})")
_TEXT = re.compile("[<>|=]?[SUMm]")  # texts and times
_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}


class NumpyDtype:
    """A type of elements. name: as cnnkit names it, None for objects and what are no numbers; order: < or >."""

    def __init__(self, code: Any) -> None:
        self.name, self.order, self.objects, self.code = None, "<", False, "another type"
        if isinstance(code, Symbol):  # a type of ml_dtypes or of NumPy
            self.name, self.code = find_dtype(code.name.rstrip("_")), code.name
        elif isinstance(code, str) and (match := _CODE.fullmatch(code)):
            kind, size = match.groups()
            self.code, self.objects = code, kind == "O"
            bits = "" if kind in "b?" else str(8 * int(size or 0))
            self.name = find_dtype(_KINDS.get("b" if kind == "?" else kind, "") + bits)
            self.order = ">" if code[0] == ">" else "<"

    def build(self, state: Any) -> None:
        """Take the byte order; records and types with a shape are no numbers."""
        if not isinstance(state, tuple) or len(state) < 5:
            refuse("a type of elements that is described wrongly")
        self.order = ">" if state[1] in (">", "!") else "<"
        if state[2] is not None or state[3] is not None:
            self.name, self.code = None, "records"


class NumpyArray:
    """An array whose description may still be incomplete: `tensor`, or the `items` of an array of objects."""

    def __init__(self) -> None:
        self.tensor: TensorRef | Absent = Absent("an array without a description")
        self.items: list[Any] | None = None
        self.shape: tuple[int, ...] = ()

    def build(self, state: Any) -> None:
        """Take shape, type and values: ([version,] shape, type, whether in Fortran order, values)."""
        if not isinstance(state, tuple) or len(state) not in {4, 5}:
            refuse("an array that is described wrongly")
        shape, dtype, fortran, values = state[-4:]
        self.describe(values, dtype, shape, bool(fortran))

    def describe(self, values: Any, dtype: Any, shape: Any, fortran: bool) -> None:
        """Take values, type, shape and order. Raises UnsafeFileError when they do not fit."""
        if not isinstance(dtype, NumpyDtype) or not is_shape(shape):
            refuse("an array that is described wrongly")
        if dtype.objects:
            if not isinstance(values, list) or math.prod(shape) != len(values):
                refuse("an array of objects that is described wrongly")
            self.items, self.shape = values, shape
        elif isinstance(values, Absent):
            self.tensor = values
        elif dtype.name is None:
            self.tensor = Absent(f"not numbers: {printable(dtype.code, 40)}", not _TEXT.match(dtype.code))
        else:
            self.tensor = describe_array(as_blob(values), dtype.name, dtype.order, shape, fortran)


def describe_array(blob: Blob | None, dtype: str, order: str, shape: tuple[int, ...], fortran: bool) -> TensorRef:
    """Return the tensor of values that lie in the pickle in C or Fortran order. Raises UnsafeFileError."""
    try:
        declared = count_bytes(shape, carrier(dtype).itemsize)
    except ValueError as error:
        refuse(f"an array with {error}")
    if blob is None or blob.size < declared or (blob.form == "raw" and blob.size != declared):
        there = "none" if blob is None else f"{blob.size} bytes"
        refuse(f"an array of {declared} bytes, {printable(str(shape), 60)} {dtype}, with {there} of values")
    count = math.prod(shape)
    steps = strides(shape[::-1])[::-1] if fortran else strides(shape)
    return describe_tensor(Storage(blob, dtype, count, 0, count, order), dtype, 0, shape, steps)


def is_shape(value: Any) -> TypeGuard[tuple[int, ...]]:
    """Return whether a value is a tuple of as many whole numbers as an array may have axes."""
    return isinstance(value, tuple) and len(value) <= MAX_RANK and all(map(is_whole, value))


def find_dtype(name: str) -> str | None:
    """Return an element type's name where cnnkit knows it."""
    try:
        carrier(name)
    except ValueError:
        return None
    return name


def _make_array(*_: Any) -> NumpyArray:
    return NumpyArray()


def _make_buffer_array(buffer: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> NumpyArray:
    array = NumpyArray()
    array.describe(buffer, dtype, shape, order == "F")
    return array


def _make_dtype(code: Any, *_: Any) -> NumpyDtype:
    return NumpyDtype(code)


def _make_scalar(dtype: Any, value: Any = None) -> Any:
    """Return a number, or an Absent."""
    blob = as_blob(value)
    if not isinstance(dtype, NumpyDtype) or dtype.name is None or blob is None or blob.data is None:
        return Absent("a scalar that is no number")
    kind = carrier(dtype.name)
    if len(blob.data) != kind.itemsize:
        refuse("a scalar that is described wrongly")
    if is_raw(dtype.name):
        return Absent(f"a scalar of type {dtype.name}")
    number = np.frombuffer(blob.data, np.dtype(f"{dtype.order}{kind.str[1:]}"))[0].item()
    return Absent("a complex scalar") if isinstance(number, complex) else number


def _make_jax_array(_function: Any, _arguments: Any, state: Any, *_: Any) -> NumpyArray:
    array = NumpyArray()
    array.build(state)
    return array


NUMPY_CALLS: dict[Symbol, Call] = {
    Symbol("numpy.core.multiarray", "_reconstruct"): _make_array,
    Symbol("numpy.core.multiarray", "scalar"): _make_scalar,
    Symbol("numpy.core.numeric", "_frombuffer"): _make_buffer_array,
    Symbol("numpy", "dtype"): _make_dtype,
    Symbol("jax._src.array", "_reconstruct_array"): _make_jax_array,
}
