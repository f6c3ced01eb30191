"""Steps on NumPy, recorded as programs and replayed: the NumPy side of captured_step.py."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from cnnkit.backends.numpy_cpu.capture.memory import Memory, address
from cnnkit.backends.numpy_cpu.capture.program import Program
from cnnkit.backends.numpy_cpu.capture.traced_array import TracedArray, unwrap
from cnnkit.backends.numpy_cpu.capture.tracer import Tracer
from cnnkit.backends.numpy_cpu.threads.blas_threads import single_threaded_blas
from cnnkit.backends.protocol import Native, Shape, Step
from cnnkit.backends.shared.capture_device import CaptureDevice, CaptureError
from cnnkit.backends.shared.captured_step import CapturedStep
from cnnkit.errors import first_line
from cnnkit.tree import leaves, map_tree

T = TypeVar("T")
PROOFS = 2  # runs of a program that are compared with the step itself, bit for bit
# Recording costs about three steps. It saves half the time of a step of 1 ms, and a twentieth of one of 100 ms.
QUICK, CALLS_IF_QUICK = 0.03, 3  # a step of less than so many seconds is recorded after so many calls
LONGEST, CALLS_IF_LONG = 0.5, 50  # a longer one after so many; from LONGEST seconds on, never


class Host(Protocol):
    """What the capture device needs of the backend."""

    memory: Memory

    def empty(self, shape: Shape, dtype: Any) -> Native:
        """Return an uninitialised array."""

    def isolate_thread(self, memory: Memory) -> AbstractContextManager[None]:
        """Let this thread work in this memory, without the help of other threads, inside a `with` block."""
        ...


class NumpyCaptureDevice(CaptureDevice):
    """Inputs in NumPy arrays, and steps recorded as programs."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def address(self, array: Native) -> Hashable:
        return address(array), array.strides

    def arrange(self, array: Native) -> Native:
        """Return samples (N, ...) with the samples last in memory."""
        if not array.ndim or array.transpose((*range(1, array.ndim), 0)).flags.c_contiguous:
            return array
        arranged = self.allocate_like(array)
        np.copyto(arranged, array)
        return arranged

    def allocate_like(self, array: Native) -> Native:
        """Return an uninitialised array for samples (N, ...), with the samples last in memory."""
        if not array.ndim:
            return np.empty_like(array)
        return np.moveaxis(self._host.empty((*array.shape[1:], array.shape[0]), array.dtype), -1, 0)

    def allocate_numbers(self, count: int, dtype: Any) -> Native:
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
        tracer = Tracer(TracedArray, unwrap)
        self._host.memory.clear()  # a program has memory of its own
        try:
            before = [array.copy() for array in arrays]
            with tracer.activate():
                result = unwrap(function(*map_tree(_wrap, held)))
        except Exception as error:  # whatever stops the recording, the step itself still runs
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        finally:
            written = [pair for pair in zip(arrays, before, strict=False) if tracer.program.writes_to(pair[0])]
            _restore(written)
        if tracer.refusal is not None:
            raise CaptureError(tracer.refusal)
        return _Replay(self._host, tracer.program, function, held, result, [array for array, _ in written])


class _Replay:
    """Runs a program; the first PROOFS times it runs the step itself too, and compares all bits."""

    def __init__(
        self, host: Host, program: Program, function: Callable[..., Any], held: Any, result: Any, written: list[Native]
    ) -> None:
        self._host, self._program, self._function, self._held = host, program, function, held
        self._result, self._written = result, written
        self._proofs = PROOFS

    def __call__(self) -> Any:
        if self._proofs:
            self._prove()
        else:
            self._program.run()
        return self._result

    def _prove(self) -> None:
        """Run the program, then the step itself on the same values; the step uses the program's memory."""
        before: list[tuple[Native, Native]] = []
        try:
            before += [(array, array.copy()) for array in self._written]
            self._program.run()
            replayed = _digest(_arrays(self._result) + self._written)
            _restore(before)
            with self._host.isolate_thread(self._program.spare_memory()):
                expected = _digest(_arrays(self._function(*self._held)) + self._written)
        except Exception as error:
            _restore(before)
            raise CaptureError(f"{type(error).__name__}: {first_line(error)}") from error
        if replayed != expected:
            _restore(before)
            raise CaptureError("a recorded step gave other numbers than the step itself")
        self._proofs -= 1


def _arrays(tree: Any) -> list[Native]:
    """Return the leaves of a tree, numbers as arrays."""
    return [np.asarray(leaf) for leaf in leaves(tree)[0]]


def _wrap(leaf: Any) -> Any:
    return TracedArray(leaf) if isinstance(leaf, np.ndarray) else leaf


def _restore(pairs: list[tuple[Native, Native]]) -> None:
    for array, value in pairs:
        np.copyto(array, value)


def _digest(arrays: list[Native]) -> bytes:
    digest = hashlib.blake2b()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype} ".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.digest()


class ThreadLocalStep:
    """A compiled step that each thread captures for itself, so that several threads may use one model.

    Infinities and NaN may arise without a warning: training looks at the loss and explains them.
    reason: why it is not captured, None while nothing has prevented it.
    """

    def __init__(self, step: Step, host: Host, reason: str | None = None) -> None:
        self._step, self._host, self.reason, self._thread = step, host, reason, threading.local()

    def __call__(self, *arguments: Any) -> Any:
        try:
            captured = self._thread.captured
        except AttributeError:
            device = NumpyCaptureDevice(self._host)
            captured = self._thread.captured = CapturedStep(self._step, device, self.reason)
        with np.errstate(all="ignore"), single_threaded_blas():
            result = captured(*arguments)
        self.reason = captured.reason
        return result
