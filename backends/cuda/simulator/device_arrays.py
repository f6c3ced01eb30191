"""`xp`, in place of the module cupy: NumPy's functions on arrays of the simulated device."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from cnnkit.backends.cuda.simulator.device_array import DeviceArray, on_device_arrays, on_host
from cnnkit.backends.cuda.simulator.transfers import transfers


class DeviceModule:
    """The part of cupy that an array backend uses; what is not defined here is NumPy's function on device arrays."""

    ndarray = DeviceArray

    def __getattr__(self, name: str) -> Any:
        member = getattr(np, name)
        wrapped = on_device_arrays(member) if callable(member) and not isinstance(member, type) else member
        setattr(self, name, wrapped)
        return wrapped

    def asarray(self, values: Any, dtype: Any = None, **options: Any) -> DeviceArray:
        """Return a device array: `values` itself if it is one of this dtype, else a copy, counted if from the host."""
        if isinstance(values, DeviceArray):
            same = dtype is None or values.dtype == dtype
            return values if same else DeviceArray(self._cast(values, dtype))
        return self.array(values, dtype, **options)

    def array(self, values: Any, dtype: Any = None, **options: Any) -> DeviceArray:
        """Return a new device array."""
        if isinstance(values, DeviceArray):
            return DeviceArray(self._cast(values, dtype or values.dtype))
        if isinstance(values, list | tuple) and any(isinstance(value, DeviceArray) for value in values):
            return DeviceArray(np.array(on_host(values), dtype, **options))
        transfers.copy_to_device(type(values).__name__)
        return DeviceArray(np.array(values, dtype, **options))

    def ascontiguousarray(self, values: Any, dtype: Any = None) -> DeviceArray:
        """Return `values` in row-major order."""
        return DeviceArray(np.ascontiguousarray(on_host(self.asarray(values, dtype))))

    def asnumpy(self, x: Any) -> Any:
        """Return a copy on the host."""
        return x.get() if isinstance(x, DeviceArray) else np.asarray(x)

    def empty(self, shape: Any, dtype: Any = float, **options: Any) -> DeviceArray:
        """Return memory filled with NaN, or with 0x7f bytes, to show what a kernel forgets to write."""
        return _poisoned(np.empty(shape, dtype, **options))

    def empty_like(self, x: DeviceArray, dtype: Any = None, **options: Any) -> DeviceArray:
        """Return such memory in the shape of x."""
        return _poisoned(np.empty_like(on_host(x), dtype, **options))

    @property
    def cuda(self) -> Any:
        """Return the part of cupy.cuda that a backend without captures needs."""
        stream = SimpleNamespace(synchronize=transfers.synchronize, ptr=0)
        return SimpleNamespace(get_current_stream=lambda: stream)

    def _cast(self, x: DeviceArray, dtype: Any) -> Any:
        cast: Callable[..., DeviceArray] = on_device_arrays(np.array)
        return on_host(cast(x, dtype))


def _poisoned(memory: Any) -> DeviceArray:
    if memory.dtype.kind in "fcV":  # V: bfloat16
        memory.fill(np.nan)
    elif memory.dtype.kind == "b":
        memory.fill(True)
    else:
        memory.fill(int.from_bytes(b"\x7f" * memory.dtype.itemsize, "little"))
    return DeviceArray(memory)


xp = DeviceModule()
