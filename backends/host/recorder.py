"""Steps on NumPy recorded on tapes: what captured_step.py needs of it."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from cnnkit.backends.captured_step import CapturedStep, CaptureError
from cnnkit.backends.host.memory import Memory
from cnnkit.backends.host.tape import Tape
from cnnkit.backends.host.traced import Traced, plain
from cnnkit.backends.protocol import Native, Step
from cnnkit.errors import first_line

T = TypeVar("T")
PROOFS = 2  # plays of a tape that are compared with the step itself, bit for bit
# A tape costs about three steps. It saves half of a step of a millisecond, and a twentieth of one of a hundred.
QUICK, CALLS_IF_QUICK, LONGEST, CALLS_IF_LONG = 0.03, 3, 0.5, 50  # seconds of a step, and calls before it is recorded


class NumpyRecorder:
    """Places of inputs in NumPy's arrays, and tapes of what is done with them.

    memory: where steps that are not played have theirs; a tape has its own, and what the other leaves free is given up.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def address(self, array: Native) -> int:
        address: int = array.__array_interface__["data"][0]
        return address

    def room_for(self, array: Native) -> Native:
        """Return room for samples (N, ...), laid out as the backend likes them best, the samples last."""
        return np.moveaxis(np.empty((*array.shape[1:], *array.shape[:1]), array.dtype), -1, 0)

    def numbers(self, count: int, dtype: Any) -> Native:
        return np.empty(count, dtype)

    def copy(self, target: Native, source: Native) -> None:
        np.copyto(target, source)

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        for i, value in enumerate(values):
            target[i] = value

    def worthwhile(self, calls: int, seconds: float) -> bool:
        return calls >= (CALLS_IF_QUICK if seconds < QUICK else CALLS_IF_LONG) and seconds < LONGEST

    def capture(self, function: Callable[..., T], *held: Any) -> Callable[[], T]:
        self._memory.clear()
        written = _arrays(held[0])
        before = _copies(written)
        tape = Tape(Traced)
        try:
            with tape.record():
                result = _mapped(plain, function(*_mapped(lambda array: array.view(Traced), held)))
        except Exception as error:  # whatever stops a recording, the step can still run as it is
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        finally:
            _restore(written, before)
        return _Replay(tape, function, held, result, self._memory)


class _Replay:
    """Plays a tape; the first times, it runs the step itself as well and compares all bits."""

    def __init__(self, tape: Tape, function: Callable[..., Any], held: Any, result: Any, memory: Memory) -> None:
        self._tape, self._function, self._held, self._result, self._memory = tape, function, held, result, memory
        self._proofs = PROOFS

    def __call__(self) -> Any:
        if self._proofs:
            self._prove()
        else:
            self._tape.play()
        return self._result

    def _prove(self) -> None:
        written = _arrays(self._held[0])
        before = _copies(written)
        self._tape.play()
        found = _digest(_arrays(self._result) + written)
        _restore(written, before)
        for memory in self._tape.memories:  # the tape does not play meanwhile
            self._memory.borrow(memory)
        wanted = _digest(_arrays(self._function(*self._held)) + written)
        self._memory.clear()
        if found != wanted:
            _restore(written, before)
            raise CaptureError("a recorded step gave other numbers than the step itself")
        self._proofs -= 1


def _mapped(function: Callable[[Native], Native], tree: Any) -> Any:
    """Return the tree of function(array); its other leaves stay as they are."""
    if hasattr(tree, "renewed"):  # cnnkit.flat_tree.FlatTree
        return tree.renewed(function(tree.flat))
    if isinstance(tree, dict):
        return {name: _mapped(function, part) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [_mapped(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree) if isinstance(tree, np.ndarray) else tree


def _arrays(tree: Any) -> list[Native]:
    """Return the arrays and numbers of a tree, in order."""
    found: list[Native] = []
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        for part in tree:
            found += _arrays(part)
    elif isinstance(tree, np.ndarray | np.generic):
        found.append(tree)
    return found


def _copies(arrays: list[Native]) -> list[Native]:
    return [array.copy() for array in arrays]


def _restore(arrays: list[Native], values: list[Native]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value)


def _digest(arrays: list[Native]) -> bytes:
    digest = hashlib.blake2b()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.digest()


class RecordedStep:
    """A compiled step, captured in each thread by itself, so that several threads may use one model.

    reason: why it shall not be captured at all, None where it may.
    """

    def __init__(self, step: Step, memory: Memory, reason: str | None = None) -> None:
        self._step, self._memory, self._reason, self._thread = step, memory, reason, threading.local()

    def __call__(self, *arguments: Any) -> Any:
        try:
            captured = self._thread.captured
        except AttributeError:
            captured = self._thread.captured = CapturedStep(self._step, NumpyRecorder(self._memory), self._reason)
        return captured(*arguments)
