"""The arguments of a launch, checked against the kernel's signature: a GPU would silently misread other types."""

from typing import Any

import numpy as np

from cnnkit.backends.cuda.simulator.device_array import DeviceArray
from cnnkit.backends.cuda.simulator.errors import KernelError
from cnnkit.backends.cuda.simulator.kernel_source import Kernel

MOST_THREADS = 1024  # of a block, on every GPU since 2010
_LIMITS = {"grid": (2**31 - 1, 65535, 65535), "block": (MOST_THREADS, MOST_THREADS, 64)}


def checked_size(kernel: Kernel, what: str, size: Any) -> tuple[int, int, int]:
    """Return the size of a grid or block as (x, y, z), within the limits of CUDA."""
    if not isinstance(size, tuple) or not 1 <= len(size) <= 3 or not all(isinstance(n, int | np.integer) for n in size):
        raise KernelError(f"kernel {kernel.name}: expected {what} as a tuple of 1 to 3 integers, got {size!r}")
    x, y, z = (*(int(n) for n in size), 1, 1)[:3]
    if not all(1 <= n <= most for n, most in zip((x, y, z), _LIMITS[what], strict=True)):
        raise KernelError(f"kernel {kernel.name}: expected {what} from 1 to {_LIMITS[what]}, got {(x, y, z)}")
    most = kernel.bound or MOST_THREADS
    if what == "block" and x * y * z > most:
        raise KernelError(f"kernel {kernel.name}: expected at most {most} threads in a block, got {x * y * z}")
    return x, y, z


def pack(kernel: Kernel, signature: tuple[str, ...], args: tuple[Any, ...]) -> list[Any]:
    """Return one 0-d array per argument with what the kernel receives: a value, or the address of an array."""
    if not isinstance(args, tuple):
        raise KernelError(f"kernel {kernel.name}: expected its arguments as a tuple, got {type(args).__name__}")
    if len(args) != len(signature):
        raise KernelError(
            f"kernel {kernel.name}: expected {len(signature)} arguments "
            f"({', '.join(kernel.parameters)}), got {len(args)}"
        )
    return [_slot(kernel, i, code, value) for i, (code, value) in enumerate(zip(signature, args, strict=True))]


def _slot(kernel: Kernel, position: int, code: str, value: Any) -> Any:
    where = f"kernel {kernel.name}, argument {position} ({kernel.parameters[position]})"
    item = code.rpartition("*")[2]
    dtype = None if item == "void" else np.dtype(item)
    if "*" in code:
        wanted = "a device array" if dtype is None else f"a device array of {dtype}"
        if not isinstance(value, DeviceArray):
            raise KernelError(f"{where}: expected {wanted}, got {_described(value)}")
        if dtype is not None and value.dtype != dtype:
            raise KernelError(f"{where}: expected {wanted}, got one of {value.dtype}")
        return np.array(value.data.ptr, np.uint64)
    if dtype is None or dtype.kind == "V":
        raise KernelError(f"{where}: expected a parameter of a number's type, got a structure: pass numbers or arrays")
    if not isinstance(value, np.generic) or value.dtype != dtype:
        raise KernelError(f"{where}: expected np.{dtype}, got {_described(value)}")
    return np.array(value)


def _described(value: Any) -> str:
    if isinstance(value, DeviceArray | np.ndarray):
        where = "device" if isinstance(value, DeviceArray) else "host"
        return f"a {where} array of {value.dtype}, shape {value.shape}"
    kind = type(value)
    return f"{'np.' if isinstance(value, np.generic) else 'Python '}{kind.__name__} {value!s:.40}"
