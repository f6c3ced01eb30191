"""Captured steps on a CUDA machine."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from numpy import float64, int32, int64

from cnnkit.backends.cuda.kernels import Kernels
from cnnkit.backends.cuda.machine import Machine
from cnnkit.backends.protocol import Native
from cnnkit.backends.shared.capture_device import CaptureDevice

T = TypeVar("T")
MOST_REALS, MOST_WHOLES = 8, 4  # numbers that one kernel launch sets


class CudaCaptureDevice(CaptureDevice):
    """Inputs in device memory. Numbers travel as arguments of a kernel launch, so no copy waits for the device."""

    def __init__(self, machine: Machine, kernels: Kernels) -> None:
        self._machine, self._kernels = machine, kernels

    def address(self, array: Native) -> Hashable:
        return int(array.data.ptr), array.strides

    def arrange(self, array: Native) -> Native:
        return array if array.flags.c_contiguous else self._machine.xp.ascontiguousarray(array)

    def allocate_like(self, array: Native) -> Native:
        return self._machine.xp.empty(array.shape, array.dtype)

    def allocate_numbers(self, count: int, dtype: Any) -> Native:
        return self._machine.xp.empty((count,), dtype)

    def copy(self, target: Native, source: Native) -> None:
        target[...] = source

    def set_numbers(self, target: Native, values: list[Any]) -> None:
        whole = target.dtype.kind == "i"
        name, most, number = ("set_wholes", MOST_WHOLES, int64) if whole else ("set_reals", MOST_REALS, float64)
        for first in range(0, len(values), most):
            some = values[first : first + most]
            filled = map(number, some + [0] * (most - len(some)))
            part = target[first : first + most]
            self._kernels(name, "float32" if whole else part.dtype, (1,), part, int32(len(some)), *filled, block=(1,))

    def worthwhile(self, calls: int, seconds: float) -> bool:
        return calls > 0

    def capture(self, function: Callable[..., T], *held: Any) -> Callable[[], T]:
        return self._machine.capture(lambda: function(*held))
