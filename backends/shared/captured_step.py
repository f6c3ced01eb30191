"""A training step that is captured once and then replayed: from call to call only the values of its inputs change.

The first calls run the step as it is, which also warms everything up; a later call captures it. A captured step reads
from fixed places on the device: the variables, which it writes in place, and copies of its inputs. Numbers among the
inputs (learning rate, count of steps) are 0-d arrays on the device, because a captured step has no arguments.
"""

import functools
import math
import operator
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Native, Step
from cnnkit.backends.shared.capture_device import CaptureDevice, CaptureError
from cnnkit.backends.shared.step_inputs import Kind, StepInputs, kind_of
from cnnkit.tree import Structure, leaves

MOST_CAPTURES = 4  # kept at a time; each holds the memory of a step


class _Captured(NamedTuple):
    """A captured step, and the places from which it reads its inputs."""

    arrays: list[Native]
    numbers: list[Native]  # the reals, the whole numbers
    replay: Callable[[], Any]


@dataclass
class _CacheEntry:
    """Calls with the same variables in memory, and with inputs of the same structure, shapes and dtypes."""

    variables: list[Native]  # of the latest call
    structure: Structure  # of the variables
    inputs: tuple[Structure, tuple[Kind, ...]]
    shapes: list[tuple[Any, ...]]  # and dtypes of the input arrays
    calls: int = 0  # before the capture
    seconds: float = math.inf  # of the fastest of them
    captured: _Captured | None = None

    def fits(self, variables: list[Native], structure: Structure, given: StepInputs) -> bool:
        """Return whether a call belongs here. Variables are compared by identity, which is fast."""
        return (
            len(variables) == len(self.variables)
            and all(map(operator.is_, variables, self.variables))
            and structure == self.structure
            and (given.structure, given.kinds) == self.inputs
            and all(
                a.shape == shape and a.dtype == dtype
                for a, (shape, dtype) in zip(given.arrays, self.shapes, strict=True)
            )
        )


class CapturedStep:
    """step(variables, *inputs), captured once it has run with the same variables and with inputs of the same shapes.

    reason: why the step is not captured, None while nothing has prevented it.
    """

    def __init__(self, step: Step, device: CaptureDevice, reason: str | None = None) -> None:
        self._step, self._device, self.reason = step, device, reason
        self._entries: OrderedDict[Any, _CacheEntry] = OrderedDict()
        self._latest: _CacheEntry | None = None

    def __call__(self, variables: Any, *inputs: Any) -> Any:
        """Replay the step if it is captured, capture it if that is worthwhile, else run it."""
        given = StepInputs.of(inputs)
        entry = self._entry(variables, given)
        if entry is not None:
            try:
                if entry.captured is not None:
                    return self._replay(entry.captured, given)
                if self._device.worthwhile(entry.calls, entry.seconds):
                    return self._capture(entry, variables, given)
            except CaptureError as error:
                entry.captured = None
                self._rule_out(str(error))
        return self._run(entry, variables, inputs, given)

    def _replay(self, captured: _Captured, given: StepInputs) -> Any:
        self._copy(captured.arrays, given.arrays)
        self._set_numbers(captured.numbers, given)
        return captured.replay()

    def _capture(self, entry: _CacheEntry, variables: Any, given: StepInputs) -> Any:
        def run(variables: Any, arrays: list[Native], numbers: list[Native]) -> Any:
            return self._step(variables, *given.rebuild(arrays, *numbers))

        arrays = [self._device.allocate_like(array) for array in given.arrays]
        self._copy(arrays, given.arrays)
        numbers = self._numbers(variables, given)
        entry.captured = _Captured(arrays, numbers, self._device.capture(run, variables, arrays, numbers))
        return entry.captured.replay()

    def _run(self, entry: _CacheEntry | None, variables: Any, inputs: tuple[Any, ...], given: StepInputs) -> Any:
        """Run the step on the inputs themselves, except numbers and arrays of a layout other than in a captured step.

        Sums in another order, or numbers of another dtype, would give other bits than a replay.
        """
        arrays = [self._device.arrange(array) for array in given.arrays]
        if given.reals or given.wholes or not all(map(operator.is_, arrays, given.arrays)):
            inputs = given.rebuild(arrays, *self._numbers(variables, given))
        started = time.perf_counter()
        result = self._step(variables, *inputs)
        if entry is not None:
            entry.calls, entry.seconds = entry.calls + 1, min(entry.seconds, time.perf_counter() - started)
        return result

    def _entry(self, variables: Any, given: StepInputs) -> _CacheEntry | None:
        """Return the cache entry of a call; None where a capture is ruled out."""
        if self.reason is not None and not self._entries:
            return None
        held, structure = leaves(variables)
        if self._latest is None or not self._latest.fits(held, structure, given):
            self._latest = self._find(held, structure, given)
        return self._latest

    def _find(self, held: list[Native], structure: Structure, given: StepInputs) -> _CacheEntry | None:
        """Return the cache entry of such inputs and of variables at these addresses; a new one unless ruled out."""
        if any(kind_of(type(leaf)) != "array" for leaf in held):
            self._rule_out("numbers among the variables")
            return None
        shapes = [_shape(array) for array in given.arrays]
        addresses = tuple((self._device.address(array), *_shape(array)) for array in held)
        key = (structure, given.structure, given.kinds, tuple(shapes), addresses)
        if self.reason is None and key not in self._entries:
            self._entries[key] = _CacheEntry(held, structure, (given.structure, given.kinds), shapes)
        entry = self._entries.get(key)
        if entry is not None:
            entry.variables = held
            self._entries.move_to_end(key)
            if len(self._entries) > MOST_CAPTURES:
                self._entries.popitem(last=False)
        return entry

    def _rule_out(self, reason: str) -> None:
        """Capture nothing from now on; what is captured stays."""
        self.reason, self._latest = reason, None
        self._entries = OrderedDict((key, entry) for key, entry in self._entries.items() if entry.captured is not None)

    def _numbers(self, variables: Any, given: StepInputs) -> list[Native]:
        """Return the numbers of the inputs on the device: reals, of the dtype of the arrays beside them, and wholes."""
        dtypes = (array.dtype for array in _arrays_beside(given, variables))
        dtype = next(filter(_is_real, dtypes), "float64")
        allocate = self._device.allocate_numbers
        numbers = [allocate(len(given.reals), dtype), allocate(len(given.wholes), "int64")]
        self._set_numbers(numbers, given)
        return numbers

    def _set_numbers(self, targets: list[Native], given: StepInputs) -> None:
        reals, wholes = targets
        if given.reals:
            self._device.set_numbers(reals, given.reals)
        if given.wholes:
            self._device.set_numbers(wholes, given.wholes)

    def _copy(self, targets: Sequence[Native], sources: Sequence[Native]) -> None:
        for target, source in zip(targets, sources, strict=True):
            self._device.copy(target, source)


def _arrays_beside(given: StepInputs, variables: Any) -> Iterator[Native]:
    yield from given.arrays
    yield from (leaf for leaf in leaves(variables)[0] if kind_of(type(leaf)) == "array")


@functools.cache
def _is_real(dtype: Any) -> bool:
    return "float" in str(dtype)  # a slow text


def _shape(array: Native) -> tuple[Any, ...]:
    return tuple(array.shape), array.dtype
