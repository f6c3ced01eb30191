"""A training step that is captured and replayed: nothing changes from call to call but the inputs' values.

The first call with some shapes runs as it is and so warms everything up; the second one is captured. What a step
reads lies at fixed places on the device: the variables, which it writes in place, and a copy of each input. Numbers
among the inputs (learning rate, count of steps) live in memory too, for a captured step has no arguments.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cnnkit.backends.protocol import Native, Step

T = TypeVar("T")
MOST_CAPTURES = 4  # kept at a time; each holds the memory of a step


class CaptureError(Exception):
    """Why a step cannot be captured, in one line."""


class Recorder(Protocol):
    """What a captured step needs of a device."""

    def address(self, array: Native) -> int:
        """Return where the array lies in the device's memory."""

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


@dataclass
class _Place:
    """Where the inputs of one signature lie, and the captured step, if there is one."""

    arrays: list[Native]
    reals: Native
    wholes: Native
    replay: Callable[[], Any] | None = None


class CapturedStep:
    """step(variables, *inputs), captured from the second call with the same shapes and the same variables on.

    reason: why the step runs eagerly instead, None while nothing has stood in the way.
    """

    def __init__(self, step: Step, recorder: Recorder, reason: str | None = None) -> None:
        self._step, self._recorder, self.reason = step, recorder, reason
        self._places: OrderedDict[Any, _Place] = OrderedDict()

    def __call__(self, variables: Any, *inputs: Any) -> Any:
        leaves = list(_leaves(inputs))
        arrays = [leaf for leaf in leaves if _is_array(leaf)]
        kinds = tuple((tuple(leaf.shape), leaf.dtype) if _is_array(leaf) else type(leaf) for leaf in leaves)
        key = (kinds, tuple(map(self._recorder.address, _leaves(variables))))
        place = self._places.get(key)
        first = place is None
        if place is None:
            place = self._places[key] = self._room(arrays, leaves)
            if len(self._places) > MOST_CAPTURES:
                self._places.popitem(last=False)
        self._places.move_to_end(key)
        self._fill(place, arrays, leaves)
        if not first and place.replay is None and self.reason is None:
            try:
                place.replay = self._recorder.capture(lambda: self._run(variables, inputs, place))
            except CaptureError as error:
                self.reason = str(error)
        return place.replay() if place.replay is not None else self._run(variables, inputs, place)

    def _run(self, variables: Any, inputs: Any, place: _Place) -> Any:
        return self._step(variables, *_rebuilt(inputs, iter(place.arrays), _each(place.reals), _each(place.wholes)))

    def _room(self, arrays: list[Native], leaves: list[Any]) -> _Place:
        reals, wholes = _numbers(leaves)
        dtype = arrays[0].dtype if arrays else "float32"
        numbers = self._recorder.numbers
        places = [self._recorder.room_for(array) for array in arrays]
        return _Place(places, numbers(len(reals), dtype), numbers(len(wholes), "int64"))

    def _fill(self, place: _Place, arrays: list[Native], leaves: list[Any]) -> None:
        """Bring the values of this call to their places."""
        for target, array in zip(place.arrays, arrays, strict=True):
            self._recorder.copy(target, array)
        reals, wholes = _numbers(leaves)
        if reals:
            self._recorder.set_numbers(place.reals, reals)
        if wholes:
            self._recorder.set_numbers(place.wholes, wholes)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape")


def _numbers(leaves: list[Any]) -> tuple[list[float], list[int]]:
    return (
        [leaf for leaf in leaves if isinstance(leaf, float)],
        [leaf for leaf in leaves if isinstance(leaf, int)],
    )


def _leaves(tree: Any) -> Iterator[Any]:
    """Yield the arrays and numbers in nested dictionaries and tuples."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from _leaves(part)
    else:
        yield tree


def _each(array: Native) -> Iterator[Native]:
    """Yield the elements as 0-d arrays, which stay on the device."""
    return (array[i] for i in range(array.shape[0]))


def _rebuilt(tree: Any, arrays: Iterator[Any], reals: Iterator[Any], wholes: Iterator[Any]) -> Any:
    """Return the tree with its leaves taken from their places."""
    if isinstance(tree, dict):
        return {name: _rebuilt(part, arrays, reals, wholes) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_rebuilt(part, arrays, reals, wholes) for part in tree)
    if _is_array(tree):
        return next(arrays)
    return next(reals if isinstance(tree, float) else wholes)
