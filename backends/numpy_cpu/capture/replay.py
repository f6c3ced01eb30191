"""Steps on NumPy recorded on tapes: what captured_step.py needs of it."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import Memory, address
from cnnkit.backends.numpy_cpu.capture.program import Tape
from cnnkit.backends.numpy_cpu.capture.tracer import Traced, plain
from cnnkit.backends.protocol import Native, Shape, Step
from cnnkit.backends.shared.captured_step import CapturedStep, CaptureError
from cnnkit.errors import first_line

T = TypeVar("T")
PROOFS = 2  # plays of a tape that are compared with the step itself, bit for bit
# A tape costs about three steps. It saves half of a step of a millisecond, and a twentieth of one of a hundred.
QUICK, CALLS_IF_QUICK, LONGEST, CALLS_IF_LONG = 0.03, 3, 0.5, 50  # seconds of a step, and calls before it is recorded


class Host(Protocol):
    """What a recorder needs of the backend."""

    memory: Memory

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""

    def alone(self, memory: Memory) -> AbstractContextManager[None]:
        """Let this thread work in this memory meanwhile, and share nothing out."""
        ...


class NumpyRecorder:
    """Copies of inputs in NumPy's arrays, and tapes of what is done with them."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def place(self, array: Native) -> Hashable:
        return address(array), array.strides

    def room_for(self, array: Native) -> Native:
        """Return room for samples (N, ...), laid out as the backend likes them best, the samples last."""
        shape = array.shape
        return (
            np.moveaxis(self._host.empty((*shape[1:], shape[0]), array.dtype), -1, 0) if shape else np.empty_like(array)
        )

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
        arrays, before = _arrays(held), []
        tape = Tape(Traced, plain)
        self._host.memory.clear()  # what steps as they are have used is of no use to a tape
        try:
            before = [array.copy() for array in arrays]
            with tape.record():
                result = _mapped(plain, Traced, function(*_mapped(Traced, np.ndarray, held)))
        except Exception as error:  # whatever stops a recording, the step can still run as it is
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        finally:
            written = [pair for pair in zip(arrays, before, strict=False) if tape.writes(pair[0])]
            _restore(written)
        if tape.refused is not None:
            raise CaptureError(tape.refused)
        return _Replay(self._host, tape, function, held, result, [array for array, _ in written])


class _Replay:
    """Plays a tape; the first times, it runs the step itself as well and compares all bits."""

    def __init__(
        self, host: Host, tape: Tape, function: Callable[..., Any], held: Any, result: Any, written: list[Native]
    ) -> None:
        self._host, self._tape, self._function, self._held = host, tape, function, held
        self._result, self._written = result, written
        self._proofs = PROOFS

    def __call__(self) -> Any:
        if self._proofs:
            self._prove()
        else:
            self._tape.play()
        return self._result

    def _prove(self) -> None:
        """Play the tape, and run the step itself on the same, in the tape's memory so that it needs no other."""
        before: list[tuple[Native, Native]] = []
        try:
            before += [(array, array.copy()) for array in self._written]
            self._tape.play()
            found = _digest(_arrays(self._result) + self._written)
            _restore(before)
            with self._host.alone(self._tape.memory()):
                wanted = _digest(_arrays(self._function(*self._held)) + self._written)
        except Exception as error:
            _restore(before)
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        if found != wanted:
            _restore(before)
            raise CaptureError("a recorded step gave other numbers than the step itself")
        self._proofs -= 1


def _mapped(function: Callable[[Any], Any], kind: type, tree: Any) -> Any:
    """Return the tree of function(leaf) for leaves of a kind; the others stay as they are."""
    if isinstance(tree, kind):
        return function(tree)
    if hasattr(tree, "renewed"):  # cnnkit.flat_tree.FlatTree
        return tree.renewed(function(tree.flat) if isinstance(tree.flat, kind) else tree.flat)
    if isinstance(tree, dict):
        return {name: _mapped(function, kind, part) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [_mapped(function, kind, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def _arrays(tree: Any) -> list[Native]:
    """Return the arrays of a tree, and numbers as arrays, in order."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, tuple | list):
        return [array for part in tree for array in _arrays(part)]
    return [tree] if isinstance(tree, np.ndarray) else [np.asarray(tree)]


def _restore(pairs: list[tuple[Native, Native]]) -> None:
    for array, value in pairs:
        np.copyto(array, value)


def _digest(arrays: list[Native]) -> bytes:
    digest = hashlib.blake2b()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype} ".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.digest()


class RecordedStep:
    """A compiled step, captured in each thread by itself, so that several threads may use one model.

    reason: why it is not captured, None while nothing has stood in the way.
    """

    def __init__(self, step: Step, host: Host, reason: str | None = None) -> None:
        self._step, self._host, self.reason, self._thread = step, host, reason, threading.local()

    def __call__(self, *arguments: Any) -> Any:
        try:
            captured = self._thread.captured
        except AttributeError:
            captured = self._thread.captured = CapturedStep(self._step, NumpyRecorder(self._host), self.reason)
        result = captured(*arguments)
        self.reason = captured.reason
        return result
