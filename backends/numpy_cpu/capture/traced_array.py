"""The stand-in for an array while a step is recorded: every operation on it goes to the tracer.

It is no numpy.ndarray, so NumPy does nothing to it without asking. A view records nothing, since memory stays in place;
a known operation is recorded; anything else is refused. So the program contains all that depends on the step's arrays.
"""

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import empty_like
from cnnkit.backends.numpy_cpu.capture.tracer import Tracer, active_tracer
from cnnkit.backends.protocol import Native, Shape
from cnnkit.backends.shared.capture_device import CaptureError
from cnnkit.tree import map_tree

_Function = Callable[..., Any]


class _UnknownAttributeError(CaptureError, AttributeError):
    """An attribute that a stand-in does not have."""


def refuse(why: str, error: type[CaptureError] = CaptureError) -> NoReturn:
    """Raise `error`, and mark the program as unusable even if the step catches the error."""
    tracer = active_tracer()
    if tracer is not None:
        tracer.refusal = tracer.refusal or why
    raise error(why)


_READ = "a step that reads its arrays is not recorded"


class TracedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array whose operations are recorded. Raises CaptureError for any other operation, and outside a recording."""

    __slots__ = ("array",)

    def __init__(self, array: Native) -> None:
        self.array = array

    def __getattr__(self, name: str) -> Any:
        if name in _METADATA:
            return getattr(self.array, name)
        if name.startswith("__"):  # Python and NumPy ask for many of these
            raise AttributeError(name)
        refuse(f"{name} of an array is not recorded", _UnknownAttributeError)

    def __len__(self) -> int:
        return len(self.array)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Native:
        if method not in ("__call__", "reduce") or ufunc.nout > 1:
            refuse(f"numpy.{ufunc.__name__} is not recorded as {method}")
        (out,) = options.pop("out", (None,))
        options = {name: unwrap(value) for name, value in options.items() if _is_given(name, value)}
        if method == "__call__":
            function: _Function = functools.partial(ufunc, **options) if options else ufunc
            if ufunc in (np.maximum, np.minimum):  # they warn about a positional `out`
                function = _pass_out_by_name(function)
            return record(function, _convert_numbers(ufunc, inputs), out)
        axis, dtype, keepdims = (options.pop(key, usual) for key, usual in _REDUCE_DEFAULTS.items())

        def reduce(x: Native, out: Native = None) -> Native:
            return ufunc.reduce(x, axis, dtype, out, keepdims, **options)  # type: ignore[call-arg]

        return record(reduce, inputs, out)

    def __array_function__(self, function: _Function, _types: Any, arguments: Any, options: Any) -> Any:
        if function not in _FUNCTIONS:
            refuse(f"numpy.{function.__name__} is not recorded")
        return _FUNCTIONS[function](*arguments, **options)

    def __array__(self, *_: Any, **__: Any) -> Any:
        refuse(_READ)

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __array__

    # ---- views

    def __getitem__(self, key: Any) -> "TracedArray":
        parts = key if isinstance(key, tuple) else (key,)
        if all(map(_is_view_index, parts)):
            has_ellipsis = any(part is ... for part in parts)
            return TracedArray(self.array[parts if has_ellipsis else (*parts, ...)])  # a view, never a number
        if all(_is_view_index(part) or _is_integer_array(part) for part in parts):
            selected: TracedArray = record_copy(lambda x, *indices: x[indices], self, *parts)
            return selected
        refuse("an index that is neither a slice nor whole numbers is not recorded")

    def reshape(self, *shape: Any) -> "TracedArray":
        """Return a view where NumPy can make one, else a view of a copy."""
        reshaped = self.array.reshape(*shape)
        if np.may_share_memory(reshaped, self.array) or not self.array.size:
            return TracedArray(reshaped)
        return TracedArray(self.copy().array.reshape(*shape))

    def transpose(self, *axes: Any) -> "TracedArray":
        """Return a view."""
        return TracedArray(self.array.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> "TracedArray":
        """Return a view."""
        return TracedArray(self.array.swapaxes(first, second))

    def view(self, dtype: Any) -> "TracedArray":
        """Return a view of another dtype."""
        return TracedArray(self.array.view(np.dtype(dtype)))

    @property
    def T(self) -> "TracedArray":  # noqa: N802
        """The transposed view."""
        return TracedArray(self.array.T)

    def strided(self, shape: Shape, offset: int, strides: Shape) -> "TracedArray":
        """Return a view with these strides, from `offset` on, both in bytes."""
        return TracedArray(np.ndarray(shape, self.array.dtype, self.array, offset, strides))

    # ---- methods

    def __setitem__(self, key: Any, value: Any) -> None:
        current_tracer().record(np.ndarray.__setitem__, self, key, value, writes=self)

    def fill(self, value: Any) -> None:
        """Record an assignment to all elements."""
        current_tracer().record(np.ndarray.fill, self, value, writes=self)

    def copy(self) -> "TracedArray":
        """Record a copy; return it."""
        copied: TracedArray = record_copy(lambda x: x.copy(), self)
        return copied

    def astype(self, dtype: Any) -> "TracedArray":
        """Record a copy of another dtype; return it."""
        out: TracedArray = empty_like(current_tracer().workspace, self.array.astype(dtype))
        _copyto(out, self, "unsafe")
        return out

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Record a sum; return it."""
        return np.add.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Record a maximum; return it."""
        return np.maximum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Record a mean; return it."""
        total = self.sum(axis, keepdims)
        count = np.intp(self.array.size // max(total.array.size, 1))  # in float64, as NumPy divides
        return np.true_divide(total, count, out=total, casting="unsafe")

    def argmax(self, axis: Any = None) -> Any:
        """Record the position of the first maximum; return it."""
        return record(lambda x, out=None: x.argmax(axis, out), (self,))


_METADATA = frozenset({"shape", "ndim", "dtype", "size", "strides", "flags", "nbytes", "itemsize"})
_REDUCE_DEFAULTS = {"axis": 0, "dtype": None, "keepdims": False}


def unwrap(tree: Any) -> Any:
    """Return a tree with stand-ins replaced by their arrays."""
    return map_tree(lambda leaf: leaf.array if isinstance(leaf, TracedArray) else leaf, tree)


def current_tracer() -> Tracer:
    """Return the active tracer. Raises CaptureError where none is."""
    return active_tracer() or refuse("an array of a recorded step was used outside of it")


def record(function: _Function, inputs: Any, out: Any = None) -> Any:
    """Record function(*inputs, out); return `out`."""
    inputs = tuple(inputs)
    if out is None:
        out = empty_like(current_tracer().workspace, np.asarray(function(*unwrap(inputs))))
    _require_recorded(out)
    current_tracer().record(function, *inputs, out, writes=out)
    return out


def record_copy(function: _Function, *inputs: Any) -> Any:
    """Record function(*inputs), a function without `out`; return a new array with its result."""

    def into(*arguments: Any) -> None:
        *inputs, out = arguments
        np.copyto(out, function(*inputs))

    out = empty_like(current_tracer().workspace, np.asarray(function(*unwrap(inputs))))
    current_tracer().record(into, *inputs, out, writes=out)
    return out


def _require_recorded(target: Any) -> None:
    if not isinstance(target, TracedArray):
        refuse("a result was written to an array that is not recorded")


def _is_view_index(part: Any) -> bool:
    """Return whether this part of an index keeps the result a view."""
    return part is None or part is ... or (isinstance(part, slice | np.integer | int) and not isinstance(part, bool))


def _is_integer_array(part: Any) -> bool:
    """Return whether this part of an index is an array of integers: the result then has the same shape each time."""
    return isinstance(part, TracedArray | np.ndarray) and part.dtype.kind in "iu"


def _pass_out_by_name(function: _Function) -> _Function:
    def call(x: Native, y: Native, out: Native = None) -> Native:
        return function(x, y, out=out)

    return call


def _is_given(option: str, value: Any) -> bool:
    return not (value is np._NoValue or (option == "where" and value is True) or (value is None and option != "axis"))


def _convert_numbers(ufunc: np.ufunc, inputs: Any) -> Any:
    """Return the inputs with Python numbers as arrays of the dtype that NumPy would give them: NumPy is faster so."""
    numbers = [type(x) in (int, float) for x in inputs]
    if not any(numbers):
        return inputs
    kinds = [
        type(x) if number else unwrap(x).dtype if isinstance(x, TracedArray) else np.asarray(x).dtype
        for x, number in zip(inputs, numbers, strict=True)
    ]
    dtypes = ufunc.resolve_dtypes((*kinds, None))[:-1]
    return [np.asarray(x, d) if number else x for x, number, d in zip(inputs, numbers, dtypes, strict=True)]


# ---- NumPy functions that are not ufuncs


def _copyto(target: Any, source: Any, casting: str = "same_kind", where: Any = True) -> None:
    _require_recorded(target)
    current_tracer().record(np.copyto, target, source, casting, *(() if where is True else (where,)), writes=target)


def _concatenate(arrays: Any, axis: int = 0, out: Any = None) -> Any:
    return record(lambda arrays, out=None: np.concatenate(arrays, axis, out), (tuple(arrays),), out)


def _stack(arrays: Any, axis: int = 0) -> Any:
    before = (slice(None),) * axis
    return _concatenate([array[(*before, None)] for array in arrays], axis)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return record_copy(np.where, condition, x, y)


def _take(x: Any, indices: Any, axis: int | None = None) -> Any:
    return record_copy(lambda x, indices: np.take(x, indices, axis), x, indices)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return record(lambda x, out=None: np.clip(x, low, high, out), (x,))


def _zeros_like(x: TracedArray) -> Any:
    zeros: TracedArray = empty_like(current_tracer().workspace, x)
    zeros.fill(0)
    return zeros


_FUNCTIONS: dict[_Function, _Function] = {
    np.copyto: _copyto,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.where: _where,
    np.take: _take,
    np.clip: _clip,
    np.zeros_like: _zeros_like,
}
