"""Kernels of a CUDA text as Python functions, with the interface of cupy.RawModule."""

import ctypes
import threading
from typing import Any

from cnnkit.backends.cuda.simulator.arguments import checked_size, pack
from cnnkit.backends.cuda.simulator.compiler import Built, build, sanitizing
from cnnkit.backends.cuda.simulator.errors import KernelError
from cnnkit.backends.cuda.simulator.kernel_source import Kernel
from cnnkit.backends.cuda.simulator.sanitizer import require_runtime

_one_launch = threading.Lock()  # threadIdx is one variable of a module


class SimModule:
    """A CUDA text compiled for the CPU.

    code: the text; each kernel is extern "C" __global__ void name(...). options: as for NVRTC, such as "-DREAL=float".
    file: its name in messages. reverse: run blocks and threads from the last to the first, because CUDA promises no
    order; a kernel whose result changes is wrong.
    """

    def __init__(
        self, code: str, options: tuple[str, ...] = (), *, file: str = "kernel.cu", reverse: bool = False
    ) -> None:
        self._file, self._reverse = file, reverse
        self._built: Built = build(code, tuple(options), file)
        if sanitizing():
            require_runtime()
        self._library = ctypes.CDLL(str(self._built.path))

    def get_function(self, name: str) -> "SimKernel":
        """Return the kernel `name`. Raises KernelError if there is none."""
        if name not in self._built.kernels:
            names = ", ".join(self._built.kernels)
            raise KernelError(f"{self._file}: expected one of the kernels {names}, got {name!r}")
        return SimKernel(self._library, self._built.kernels[name], self._reverse)


class SimKernel:
    """One kernel: f(grid, block, args, shared_mem=0)."""

    def __init__(self, library: ctypes.CDLL, kernel: Kernel, reverse: bool) -> None:
        self.name = kernel.name
        self._kernel, self._reverse = kernel, reverse
        self._run = library[f"simulate_{kernel.name}"]
        self._run.restype = ctypes.c_char_p
        signature = library[f"signature_{kernel.name}"]
        signature.restype = ctypes.c_char_p
        self._signature = tuple(signature().decode().split())

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], shared_mem: int = 0
    ) -> None:
        """Run the kernel on a grid of blocks. args: device arrays, and NumPy scalars of exactly the parameter types.

        Raises KernelError for arguments that a GPU would misread and for threads that wait for ever.
        """
        sizes = checked_size(self._kernel, "grid", grid), checked_size(self._kernel, "block", block)
        slots = pack(self._kernel, self._signature, args)
        pointers = (ctypes.c_void_p * max(len(slots), 1))(*(slot.ctypes.data for slot in slots))
        c_sizes = [(ctypes.c_uint * 3)(*size) for size in sizes]
        with _one_launch:
            failure = self._run(*c_sizes, pointers, ctypes.c_size_t(shared_mem), ctypes.c_int(self._reverse))
        if failure:
            raise KernelError(failure.decode())
