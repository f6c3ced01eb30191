"""A training step that is captured and replayed: nothing changes from call to call but the inputs' values.

The first calls with some shapes run as they are and so warm everything up; a later one is captured. What a step
reads lies at fixed places on the device: the variables, which it writes in place, and a copy of each input. Numbers
among the inputs (learning rate, count of steps) live in memory too, for a captured step has no arguments.
"""

import math
import operator
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from cnnkit.backends.protocol import Native, Step

T = TypeVar("T")
MOST_CAPTURES = 4  # kept at a time; each holds the memory of a step


class CaptureError(Exception):
    """Why a step cannot be captured, in one line."""


class CaptureDevice(Protocol):
    """What a captured step needs of a device."""

    def address(self, array: Native) -> Hashable:
        """Return where the array lies in the device's memory, and at what distances its values."""
        ...

    def allocate_like(self, array: Native) -> Native:
        """Return an uninitialised array of the same shape and dtype."""

    def allocate_numbers(self, count: int, dtype: Any) -> Native:
        """Return an uninitialised array of `count` numbers."""

    def copy(self, target: Native, source: Native) -> None:
        """Copy the values of one array of the device to another, without waiting."""

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        """Bring numbers of the host to the device, without waiting."""

    def worthwhile(self, calls: int, seconds: float) -> bool:
        """Return whether to capture a step now that was called so often, and took so long when it was quickest."""
        ...

    def capture(self, function: Callable[..., T], *held: Any) -> Callable[[], T]:
        """Return a function that does on the device what function(*held) would, its result valid until the next call.

        held: trees of arrays, those that the step reads and writes; their memory is what the captured step works on.
        `function` has run before. Raises CaptureError where it cannot be captured, or the function returned does when
        it finds that it was captured wrongly; then nothing has been changed.
        """
        ...


class _Leaves(NamedTuple):
    """The leaves of a tree in their order; `form` tells trees apart whose leaves are the same."""

    arrays: list[Native]
    reals: list[float]
    wholes: list[int]
    form: list[Any]


class _Inputs(NamedTuple):
    """Copies of a step's inputs on the device, the numbers too."""

    arrays: list[Native]
    reals: Native
    wholes: Native


class _Captured(NamedTuple):
    """A captured step, and what it reads."""

    inputs: _Inputs
    replay: Callable[[], Any]


@dataclass
class _CacheEntry:
    """The calls with inputs of one form beside the very same variables, and what stands in for them."""

    held: _Leaves  # the variables, as they were last given
    form: list[Any]  # of the inputs
    shapes: list[tuple[Any, ...]]  # and dtypes of their arrays
    calls: int = 0  # before the capture
    seconds: float = math.inf  # that the quickest of them took
    captured: _Captured | None = None

    def fits(self, held: _Leaves, given: _Leaves) -> bool:
        """Return whether these are such variables and inputs."""
        return (
            len(held.arrays) == len(self.held.arrays)
            and all(map(operator.is_, held.arrays, self.held.arrays))
            and held.form == self.held.form
            and given.form == self.form
            and all(
                a.shape == shape and a.dtype == dtype
                for a, (shape, dtype) in zip(given.arrays, self.shapes, strict=True)
            )
        )


class CapturedStep:
    """step(variables, *inputs), captured once it has run with inputs of the same form and the same variables.

    reason: why the step runs eagerly instead, None while nothing has stood in the way.
    """

    def __init__(self, step: Step, device: CaptureDevice, reason: str | None = None) -> None:
        self._step, self._device, self.reason = step, device, reason
        self._places: OrderedDict[Any, _CacheEntry] = OrderedDict()
        self._latest: _CacheEntry | None = None

    def __call__(self, variables: Any, *inputs: Any) -> Any:
        held, given = _leaves(variables), _leaves(inputs)
        place = self._latest
        if place is None or not place.fits(held, given):
            place = self._latest = self._place(held, given)
        if place.captured is not None:
            self._fill(place.captured.inputs, given)
            try:
                return place.captured.replay()
            except CaptureError as error:
                self.reason, place.captured = str(error), None
        return self._run(place, variables, inputs, given)

    def _run(self, place: _CacheEntry, variables: Any, inputs: Any, given: _Leaves) -> Any:
        """Run the step as it is, or capture it for this call and those to come."""
        copies = self._room(place.held, given)
        self._fill(copies, given)

        def run(variables: Any, arrays: list[Native], reals: Native, wholes: Native) -> Any:
            return self._step(variables, *_rebuilt(inputs, iter(arrays), _each(reals), _each(wholes)))

        if place.held.reals or place.held.wholes:
            self.reason = "numbers among the variables"
        if self.reason is None and self._device.worthwhile(place.calls, place.seconds):
            try:
                place.captured = _Captured(copies, self._device.capture(run, variables, *copies))
                return place.captured.replay()
            except CaptureError as error:
                self.reason, place.captured = str(error), None
        started = time.perf_counter()
        result = run(variables, *copies)
        place.calls, place.seconds = place.calls + 1, min(place.seconds, time.perf_counter() - started)
        return result

    def _place(self, held: _Leaves, given: _Leaves) -> _CacheEntry:
        """Return the place of such inputs beside these very variables."""
        shapes = [_shape(array) for array in given.arrays]
        key = (
            repr((held.form, given.form)), tuple(shapes),
            tuple((self._device.address(array), *_shape(array)) for array in held.arrays),
        )  # fmt: skip
        place = self._places.setdefault(key, _CacheEntry(held, given.form, shapes))
        place.held = held
        self._places.move_to_end(key)
        if len(self._places) > MOST_CAPTURES:
            self._places.popitem(last=False)
        return place

    def _room(self, held: _Leaves, given: _Leaves) -> _Inputs:
        """Return room for copies of the inputs; numbers become reals of the dtype of the arrays beside them."""
        dtypes = (array.dtype for array in (*given.arrays, *held.arrays))
        dtype = next((dtype for dtype in dtypes if "float" in str(dtype)), "float64")
        arrays = [self._device.allocate_like(array) for array in given.arrays]
        numbers = self._device.allocate_numbers
        return _Inputs(arrays, numbers(len(given.reals), dtype), numbers(len(given.wholes), "int64"))

    def _fill(self, copies: _Inputs, given: _Leaves) -> None:
        """Bring the values of this call to their places."""
        for target, array in zip(copies.arrays, given.arrays, strict=True):
            self._device.copy(target, array)
        if given.reals:
            self._device.set_numbers(copies.reals, given.reals)
        if given.wholes:
            self._device.set_numbers(copies.wholes, given.wholes)


def _shape(array: Native) -> tuple[Any, ...]:
    return tuple(array.shape), array.dtype


_Kind = Literal["dictionary", "sequence", "real", "whole", "array"]


def _kind(leaf: type) -> _Kind:
    """Return what a thing of this class is to a step. Raises TypeError for what it cannot take."""
    if leaf not in _KINDS:
        kinds: list[_Kind] = [kind for kind, classes in _CLASSES.items() if issubclass(leaf, classes)]
        if not kinds and not hasattr(leaf, "shape"):
            raise TypeError(f"a compiled step takes arrays and numbers, got {leaf.__name__}")
        _KINDS[leaf] = kinds[0] if kinds else "array"
    return _KINDS[leaf]


_KINDS: dict[type, _Kind] = {}  # what was found so far
_CLASSES: dict[_Kind, tuple[type, ...]] = {
    "dictionary": (dict,),
    "sequence": (tuple, list),
    "real": (float, np.floating),  # before arrays: NumPy's numbers have a shape too
    "whole": (int, np.integer),
}


def _leaves(tree: Any) -> _Leaves:
    """Return the leaves of nested dictionaries and tuples. Raises TypeError for any other thing."""
    leaves = _Leaves([], [], [], [])
    _sort(tree, leaves)
    return leaves


def _sort(tree: Any, leaves: _Leaves) -> None:
    kind = _kind(type(tree))
    if kind == "array":
        leaves.arrays.append(tree)
        leaves.form.append(0)
    elif kind == "dictionary":
        leaves.form.append(tuple(tree))
        for part in tree.values():
            _sort(part, leaves)
    elif kind == "sequence":
        leaves.form.append(len(tree))
        for part in tree:
            _sort(part, leaves)
    elif kind == "real":
        leaves.reals.append(float(tree))
        leaves.form.append("real")
    else:
        leaves.wholes.append(int(tree))
        leaves.form.append("whole")


def _each(array: Native) -> Iterator[Native]:
    """Yield the elements as 0-d arrays, which stay on the device."""
    return (array[i : i + 1].reshape(()) for i in range(array.shape[0]))


def _rebuilt(tree: Any, arrays: Iterator[Any], reals: Iterator[Any], wholes: Iterator[Any]) -> Any:
    """Return the tree with its leaves taken from their places."""
    kind = _kind(type(tree))
    if kind == "dictionary":
        return {name: _rebuilt(part, arrays, reals, wholes) for name, part in tree.items()}
    if kind == "sequence":
        parts = tuple(_rebuilt(part, arrays, reals, wholes) for part in tree)
        return type(tree)(*parts) if hasattr(tree, "_fields") else parts
    return next(reals if kind == "real" else wholes if kind == "whole" else arrays)
