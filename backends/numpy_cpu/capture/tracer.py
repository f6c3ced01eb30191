"""What stands for an array while a step is recorded: what is done to it goes to the tape (tape.py).

It is no numpy.ndarray, so that NumPy can do nothing to it unasked. Views are free, for memory stays where it is; what
is known here is recorded; all else is refused. So nothing that depends on the arrays of a step is left out of its tape.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import empty_like
from cnnkit.backends.numpy_cpu.capture.program import Tape, recording
from cnnkit.backends.protocol import Native, Shape
from cnnkit.backends.shared.captured_step import CaptureError

_Function = Callable[..., Any]


class _UnknownError(CaptureError, AttributeError):
    """Asked for what an array of a recording does not have."""


def refused(why: str) -> CaptureError:
    """Return the error that says why; the tape is of no use from now on, even if the error is caught on its way."""
    found = recording()
    if found is not None:
        found.refused = found.refused or why
    return CaptureError(why)


_READ = "a step that reads its arrays is not recorded"


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array whose calls are recorded. Raises CaptureError at what cannot be, and outside a recording."""

    __slots__ = ("array",)

    def __init__(self, array: Native) -> None:
        self.array = array

    def __getattr__(self, name: str) -> Any:
        if name in _FACTS:
            return getattr(self.array, name)
        if name.startswith("__"):  # Python and NumPy ask for many of these
            raise AttributeError(name)
        raise _UnknownError(refused(f"{name} of an array is not recorded"))

    def __len__(self) -> int:
        return len(self.array)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Native:
        if method not in ("__call__", "reduce") or ufunc.nout > 1:
            raise refused(f"numpy.{ufunc.__name__} is not recorded as {method}")
        (out,) = options.pop("out", (None,))
        options = {name: plain(value) for name, value in options.items() if _says_something(name, value)}
        if method == "__call__":
            function: _Function = functools.partial(ufunc, **options) if options else ufunc
            if ufunc in (np.maximum, np.minimum):  # which warn when `out` comes by its place
                function = _with_named_out(function)
            return recorded(function, _as_arrays(ufunc, inputs), out)
        axis, dtype, keepdims = (options.pop(key, usual) for key, usual in _USUAL.items())

        def reduce(x: Native, out: Native = None) -> Native:
            return ufunc.reduce(x, axis, dtype, out, keepdims, **options)  # type: ignore[call-arg]

        return recorded(reduce, inputs, out)

    def __array_function__(self, function: _Function, _types: Any, arguments: Any, options: Any) -> Any:
        if function not in _FUNCTIONS:
            raise refused(f"numpy.{function.__name__} is not recorded")
        return _FUNCTIONS[function](*arguments, **options)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise refused(_READ)

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __array__

    # ---- views

    def __getitem__(self, key: Any) -> "Traced":
        parts = key if isinstance(key, tuple) else (key,)
        if all(map(_gives_a_view, parts)):
            ends_open = any(part is ... for part in parts)
            return Traced(self.array[parts if ends_open else (*parts, ...)])  # open: a view instead of a number
        if all(_gives_a_view(part) or _counts(part) for part in parts):
            taken: Traced = recorded_copy(lambda x, *indices: x[indices], self, *parts)
            return taken
        raise refused("an index that is neither a slice nor whole numbers is not recorded")

    def reshape(self, *shape: Any) -> "Traced":
        """Return a view where there is one, else of a copy."""
        found = self.array.reshape(*shape)
        if np.may_share_memory(found, self.array) or not self.array.size:
            return Traced(found)
        return Traced(self.copy().array.reshape(*shape))

    def transpose(self, *axes: Any) -> "Traced":
        return Traced(self.array.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> "Traced":
        return Traced(self.array.swapaxes(first, second))

    def view(self, dtype: Any) -> "Traced":
        return Traced(self.array.view(np.dtype(dtype)))

    @property
    def T(self) -> "Traced":  # noqa: N802
        return Traced(self.array.T)

    def strided(self, shape: Shape, offset: int, strides: Shape) -> "Traced":
        """View what lies at these distances, in bytes."""
        return Traced(np.ndarray(shape, self.array.dtype, self.array, offset, strides))

    # ---- methods

    def __setitem__(self, key: Any, value: Any) -> None:
        tape().do(np.ndarray.__setitem__, self, key, value, writes=self)

    def fill(self, value: Any) -> None:
        tape().do(np.ndarray.fill, self, value, writes=self)

    def copy(self) -> "Traced":
        copied: Traced = recorded_copy(lambda x: x.copy(), self)
        return copied

    def astype(self, dtype: Any) -> "Traced":
        out: Traced = empty_like(tape().workspace, self.array.astype(dtype))
        _copyto(out, self, "unsafe")
        return out

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.add.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.maximum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        total = self.sum(axis, keepdims)
        count = np.intp(self.array.size // max(total.array.size, 1))  # as NumPy itself divides, in float64
        return np.true_divide(total, count, out=total, casting="unsafe")

    def argmax(self, axis: Any = None) -> Any:
        return recorded(lambda x, out=None: x.argmax(axis, out), (self,))


_FACTS = frozenset({"shape", "ndim", "dtype", "size", "strides", "flags", "nbytes", "itemsize"})
_USUAL = {"axis": 0, "dtype": None, "keepdims": False}


def plain(value: Any) -> Any:
    """Return the value with arrays in the place of what stands for them."""
    if isinstance(value, Traced):
        return value.array
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def tape() -> Tape:
    """Return the tape that is recording. Raises CaptureError where none is."""
    found = recording()
    if found is None:
        raise refused("an array of a recorded step was used outside of it")
    return found


def recorded(function: _Function, inputs: Any, out: Any = None) -> Any:
    """Record function(*inputs, out); return what it is written to."""
    inputs = tuple(inputs)
    if out is None:
        out = empty_like(tape().workspace, np.asarray(function(*plain(inputs))))
    _require_recorded(out)
    tape().do(function, *inputs, out, writes=out)
    return out


def recorded_copy(function: _Function, *inputs: Any) -> Any:
    """Record function(*inputs), which takes no `out`."""

    def into(*arguments: Any) -> None:
        *inputs, out = arguments
        np.copyto(out, function(*inputs))

    out = empty_like(tape().workspace, np.asarray(function(*plain(inputs))))
    tape().do(into, *inputs, out, writes=out)
    return out


def _require_recorded(target: Any) -> None:
    if not isinstance(target, Traced):
        raise refused("a result was written to an array that is not recorded")


def _gives_a_view(part: Any) -> bool:
    """Return whether an index takes nothing out."""
    return part is None or part is ... or (isinstance(part, slice | np.integer | int) and not isinstance(part, bool))


def _counts(part: Any) -> bool:
    """Return whether an index is an array of whole numbers, which take out as much each time."""
    return isinstance(part, Traced | np.ndarray) and part.dtype.kind in "iu"


def _with_named_out(function: _Function) -> _Function:
    def call(x: Native, y: Native, out: Native = None) -> Native:
        return function(x, y, out=out)

    return call


def _says_something(option: str, value: Any) -> bool:
    return not (value is np._NoValue or (option == "where" and value is True) or (value is None and option != "axis"))


def _as_arrays(ufunc: np.ufunc, inputs: Any) -> Any:
    """Return the inputs with Python's numbers as arrays of the dtype that NumPy would give them: that is quicker."""
    numbers = [type(x) in (int, float) for x in inputs]
    if not any(numbers):
        return inputs
    kinds = [
        type(x) if number else plain(x).dtype if isinstance(x, Traced) else np.asarray(x).dtype
        for x, number in zip(inputs, numbers, strict=True)
    ]
    dtypes = ufunc.resolve_dtypes((*kinds, None))[:-1]
    return [np.asarray(x, d) if number else x for x, number, d in zip(inputs, numbers, dtypes, strict=True)]


# ---- functions of NumPy that are no ufuncs


def _copyto(target: Any, source: Any, casting: str = "same_kind", where: Any = True) -> None:
    _require_recorded(target)
    tape().do(np.copyto, target, source, casting, *(() if where is True else (where,)), writes=target)


def _concatenate(arrays: Any, axis: int = 0, out: Any = None) -> Any:
    return recorded(lambda arrays, out=None: np.concatenate(arrays, axis, out), (tuple(arrays),), out)


def _stack(arrays: Any, axis: int = 0) -> Any:
    before = (slice(None),) * axis
    return _concatenate([array[(*before, None)] for array in arrays], axis)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return recorded_copy(np.where, condition, x, y)


def _take(x: Any, indices: Any, axis: int | None = None) -> Any:
    return recorded_copy(lambda x, indices: np.take(x, indices, axis), x, indices)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return recorded(lambda x, out=None: np.clip(x, low, high, out), (x,))


def _zeros_like(x: Traced) -> Any:
    zeros: Traced = empty_like(tape().workspace, x)
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
