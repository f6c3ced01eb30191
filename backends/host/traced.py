"""The arrays that a step sees while it is recorded: what is done to them goes to the tape (tape.py).

Views are free: memory stays where it is, so a view of it stays a view of it. Whatever else NumPy can do to an array is
either recorded here or refused, so that nothing is left out of a tape by accident.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.captured_step import CaptureError
from cnnkit.backends.host.memory import empty_like
from cnnkit.backends.host.tape import Tape, recording
from cnnkit.backends.protocol import Native

_Function = Callable[..., Any]
_ESCAPES = "a result was written to an array that is not recorded"


class Traced(np.ndarray[Any, Any]):
    """An array whose calls are recorded. Raises CaptureError at what cannot be, and outside a recording."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Native:
        if method not in ("__call__", "reduce") or ufunc.nout > 1:
            raise CaptureError(f"numpy.{ufunc.__name__} is not recorded as {method}")
        (out,) = options.pop("out", (None,))
        options = {name: plain(value) for name, value in options.items() if _says_something(name, value)}
        if method == "__call__":
            function: _Function = functools.partial(ufunc, **options) if options else ufunc
            if ufunc in (np.maximum, np.minimum):  # which warn when `out` comes by its place
                function = _with_named_out(function)
            return _recorded(function, _as_arrays(ufunc, inputs), out)
        axis, dtype, keepdims = (options.pop(key, usual) for key, usual in _USUAL.items())

        def reduce(x: Native, out: Native = None) -> Native:
            return ufunc.reduce(x, axis, dtype, out, keepdims, **options)  # type: ignore[call-arg]

        return _recorded(reduce, inputs, out)

    def __array_function__(self, function: _Function, types: Any, arguments: Any, options: Any) -> Any:
        if function in _RECORDED:
            return _RECORDED[function](*arguments, **options)
        if function not in _COMPOSED:
            raise CaptureError(f"numpy.{function.__name__} is not recorded")
        return super().__array_function__(function, types, arguments, options)

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, np.ndarray | list) for part in parts):
            return _copied(lambda x, k: x[k], self, key)
        found = super().__getitem__(key)
        return found if isinstance(found, np.ndarray) else super().__getitem__((*parts, ...))  # a view, not a number

    def __setitem__(self, key: Any, value: Any) -> None:
        _tape().do(np.ndarray.__setitem__, self, key, value)

    def fill(self, value: Any) -> None:
        _tape().do(np.ndarray.fill, self, value)

    def astype(self, dtype: Any) -> Any:  # type: ignore[override]
        out = empty_like(_tape().workspace, plain(self).astype(dtype))
        np.copyto(out, self, "unsafe")
        return out

    def copy(self) -> Any:  # type: ignore[override]
        return _copied(lambda x: x.copy(), self)

    def reshape(self, *shape: Any) -> Any:  # type: ignore[override]
        found = super().reshape(*shape)
        return found if np.may_share_memory(plain(found), plain(self)) or not self.size else self.copy().reshape(*shape)

    def argmax(self, axis: Any = None) -> Any:  # type: ignore[override]
        return _recorded(lambda x, out=None: x.argmax(axis, out), (self,))

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
        return _copied(lambda x, i: x.take(i, axis, mode=mode), self, indices)


def plain(value: Any) -> Any:
    """View what is inside the value as arrays like any other."""
    if isinstance(value, Traced):
        return value.view(np.ndarray)
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else value


def _tape() -> Tape:
    tape = recording()
    if tape is None:
        raise CaptureError("an array of a recorded step was used outside of it")
    return tape


def _recorded(function: _Function, inputs: Any, out: Any = None) -> Native:
    """Record function(*inputs, out); return the array that it is written to."""
    tape = _tape()
    if out is None:
        out = empty_like(tape.workspace, np.asarray(function(*plain(inputs))))
    elif not isinstance(out, Traced):
        raise CaptureError(_ESCAPES)
    tape.do(function, *inputs, out)
    return out


def _copied(function: _Function, *inputs: Any) -> Native:
    """Record function(*inputs), which takes no `out`."""

    def into(*arguments: Any) -> None:
        *inputs, out = arguments
        np.copyto(out, function(*inputs))

    tape = _tape()
    out = empty_like(tape.workspace, np.asarray(function(*plain(inputs))))
    tape.do(into, *inputs, out)
    return out


def _with_named_out(function: _Function) -> _Function:
    def call(x: Native, y: Native, out: Native = None) -> Native:
        return function(x, y, out=out)

    return call


_USUAL = {"axis": 0, "dtype": None, "keepdims": False}


def _says_something(option: str, value: Any) -> bool:
    return not (value is np._NoValue or (option == "where" and value is True) or (value is None and option != "axis"))


def _as_arrays(ufunc: np.ufunc, inputs: Any) -> Any:
    """Return the inputs with Python's numbers as arrays of the dtype that NumPy would give them: that is quicker."""
    numbers = [type(x) in (int, float) for x in inputs]
    if not any(numbers):
        return inputs
    kinds = [type(x) if number else np.asarray(x).dtype for x, number in zip(inputs, numbers, strict=True)]
    dtypes = ufunc.resolve_dtypes((*kinds, None))[:-1]
    return [np.asarray(x, d) if number else x for x, number, d in zip(inputs, numbers, dtypes, strict=True)]


# ---- functions of NumPy that are no ufuncs


def _copyto(target: Any, source: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(target, Traced):
        raise CaptureError(_ESCAPES)
    _tape().do(np.copyto, target, source, casting, *(() if where is True else (where,)))


def _concatenate(arrays: Any, axis: int = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Native:
    if dtype is not None or casting != "same_kind":
        raise CaptureError("numpy.concatenate to another dtype is not recorded")
    arrays = tuple(arrays)
    return _recorded(lambda arrays, out=None: np.concatenate(arrays, axis, out), (arrays,), out)


def _where(condition: Any, x: Any, y: Any) -> Native:
    return _copied(np.where, condition, x, y)


_RECORDED: dict[_Function, _Function] = {np.copyto: _copyto, np.concatenate: _concatenate, np.where: _where}
# These are made of the others, and leave an array's class as it is.
_COMPOSED = frozenset({np.clip, np.stack, np.take, np.zeros_like, np.empty_like, np.transpose, np.swapaxes})
_ALLOWED = frozenset(
    {"transpose", "swapaxes", "squeeze", "view", "sum", "mean", "max", "min", "any", "all", "clip"}  # views, and ufuncs
)
_READING = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "__contains__", "__copy__", "__deepcopy__",
            "__dlpack__", "__reduce__", "__reduce_ex__")  # fmt: skip


def _refused(name: str) -> _Function:
    def refuse(*_: Any, **__: Any) -> Any:
        raise CaptureError(f"{name} of an array is not recorded")

    return refuse


for _name in (*_READING, *(name for name in dir(np.ndarray) if not name.startswith("_"))):
    _own = _name in vars(Traced) or _name in _ALLOWED
    if not _own and callable(getattr(np.ndarray, _name)):
        setattr(Traced, _name, _refused(_name))
