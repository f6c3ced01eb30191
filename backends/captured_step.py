"""A training step that is captured and replayed: nothing changes from call to call but the inputs' values.

The first call with some shapes runs as it is and so warms everything up; the second one is captured. What a step
reads lies at fixed places on the device: the variables, which it writes in place, and a copy of each input. Numbers
among the inputs (learning rate, count of steps) live in memory too, for a captured step has no arguments.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from cnnkit.backends.protocol import Native, Step

T = TypeVar("T")
MOST_CAPTURES = 4  # kept at a time; each holds the memory of a step


class CaptureError(Exception):
    """Why a step cannot be captured, in one line."""


class Recorder(Protocol):
    """What a captured step needs of a device."""

    def address(self, array: Native) -> int:
        """Return where the array lies in the device's memory."""
        ...

    def room_for(self, array: Native) -> Native:
        """Return an uninitialised array of the same shape and dtype."""

    def numbers(self, count: int, dtype: Any) -> Native:
        """Return an uninitialised array of `count` numbers."""

    def copy(self, target: Native, source: Native) -> None:
        """Copy the values of one array of the device to another, without waiting."""

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        """Bring numbers of the host to the device, without waiting."""

    def capture(self, function: Callable[[], T]) -> Callable[[], T]:
        """Return a function that does on the device what `function` would; its result is valid until the next call.

        `function` has run before. Raises CaptureError where it cannot be captured.
        """
        ...


class _Leaves(NamedTuple):
    """The leaves of a step's inputs, in the order in which they come."""

    arrays: list[Native]
    reals: list[float]
    wholes: list[int]


@dataclass
class _Place:
    """Where the inputs of one signature lie, and the captured step, if there is one."""

    arrays: list[Native]
    reals: Native
    wholes: Native
    warm: bool = False
    replay: Callable[[], Any] | None = None


class CapturedStep:
    """step(variables, *inputs), captured from the second call with the same shapes and the same variables on.

    reason: why the step runs eagerly instead, None while nothing has stood in the way.
    """

    def __init__(self, step: Step, recorder: Recorder, reason: str | None = None) -> None:
        self._step, self._recorder, self.reason = step, recorder, reason
        self._places: OrderedDict[Any, _Place] = OrderedDict()

    def __call__(self, variables: Any, *inputs: Any) -> Any:
        leaves = _Leaves([], [], [])
        _sort(inputs, leaves)
        place = self._place(variables, leaves)
        self._fill(place, leaves)
        if place.warm and place.replay is None and self.reason is None:
            try:
                place.replay = self._recorder.capture(lambda: self._run(variables, inputs, place))
            except CaptureError as error:
                self.reason = str(error)
        result = place.replay() if place.replay is not None else self._run(variables, inputs, place)
        place.warm = True
        return result

    def _run(self, variables: Any, inputs: Any, place: _Place) -> Any:
        return self._step(variables, *_rebuilt(inputs, iter(place.arrays), _each(place.reals), _each(place.wholes)))

    def _place(self, variables: Any, leaves: _Leaves) -> _Place:
        """Return the place for inputs of these shapes beside these very variables."""
        held = _Leaves([], [], [])
        _sort(variables, held)
        key = (
            tuple(map(_form, leaves.arrays)), len(leaves.reals), len(leaves.wholes),
            tuple((self._recorder.address(array), *_form(array)) for array in held.arrays),
        )  # fmt: skip
        if key not in self._places:
            dtype = leaves.arrays[0].dtype if leaves.arrays else "float32"
            arrays = [self._recorder.room_for(array) for array in leaves.arrays]
            reals, wholes = len(leaves.reals), len(leaves.wholes)
            numbers = self._recorder.numbers
            self._places[key] = _Place(arrays, numbers(reals, dtype), numbers(wholes, "int64"))
            if len(self._places) > MOST_CAPTURES:
                self._places.popitem(last=False)
        self._places.move_to_end(key)
        return self._places[key]

    def _fill(self, place: _Place, leaves: _Leaves) -> None:
        """Bring the values of this call to their places."""
        for target, array in zip(place.arrays, leaves.arrays, strict=True):
            self._recorder.copy(target, array)
        if leaves.reals:
            self._recorder.set_numbers(place.reals, leaves.reals)
        if leaves.wholes:
            self._recorder.set_numbers(place.wholes, leaves.wholes)


def _form(array: Native) -> tuple[Any, ...]:
    return tuple(array.shape), array.dtype


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, float | np.floating)  # before arrays: NumPy's numbers have a shape too


def _is_whole(leaf: Any) -> bool:
    return isinstance(leaf, int | np.integer)


def _sort(tree: Any, leaves: _Leaves) -> None:
    """Add the leaves of nested dictionaries and tuples to those of their kind. Raises TypeError for any other thing."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        for part in tree:
            _sort(part, leaves)
    elif _is_real(tree):
        leaves.reals.append(float(tree))
    elif _is_whole(tree):
        leaves.wholes.append(int(tree))
    elif hasattr(tree, "shape"):
        leaves.arrays.append(tree)
    else:
        raise TypeError(f"a compiled step takes arrays and numbers, got {type(tree).__name__}")


def _each(array: Native) -> Iterator[Native]:
    """Yield the elements as 0-d arrays, which stay on the device."""
    return (array[i] for i in range(array.shape[0]))


def _rebuilt(tree: Any, arrays: Iterator[Any], reals: Iterator[Any], wholes: Iterator[Any]) -> Any:
    """Return the tree with its leaves taken from their places."""
    if isinstance(tree, dict):
        return {name: _rebuilt(part, arrays, reals, wholes) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_rebuilt(part, arrays, reals, wholes) for part in tree)
    return next(reals if _is_real(tree) else wholes if _is_whole(tree) else arrays)
