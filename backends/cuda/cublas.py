"""cuBLAS through ctypes, with a handle and a workspace of its own.

CuPy refuses its own cuBLAS calls while a stream is being captured (cupy issue 6290); the library itself does not, as
long as its workspace is set by the user.
"""

import ctypes
import os
import weakref
from typing import Any

from cnnkit.backends.cuda.products import Matrix, Product
from cnnkit.backends.protocol import Native
from cnnkit.errors import BackendUnavailableError

WORKSPACE = 32 << 20  # bytes, as NVIDIA recommends for Hopper
_NONE, _TRANSPOSE = 0, 1
_DEFAULT_MATH, _TF32_MATH = 0, 3
_DETAIL = {
    "float32": (ctypes.c_float, "cublasSgemmStridedBatched"),
    "float64": (ctypes.c_double, "cublasDgemmStridedBatched"),
}


class Cublas:
    """Products on the current device, in CuPy's current stream."""

    def __init__(self, cupy: Any) -> None:
        self._library, self._cupy = _library(), cupy
        self._handle = ctypes.c_void_p()
        self._workspace = cupy.cuda.alloc(WORKSPACE)
        self._stream: int | None = None
        self._check("cublasCreate_v2", ctypes.byref(self._handle))
        weakref.finalize(self, self._library.cublasDestroy_v2, self._handle)
        self.allow_tf32(False)

    def follow_stream(self) -> None:
        """Let products go where CuPy's own work goes. A change of stream makes cuBLAS forget its workspace."""
        stream = int(self._cupy.cuda.get_current_stream().ptr)
        if stream != self._stream:
            self._check("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
            pointer, size = ctypes.c_void_p(self._workspace.ptr), ctypes.c_size_t(WORKSPACE)
            self._check("cublasSetWorkspace_v2", self._handle, pointer, size)
            self._stream = stream

    def allow_tf32(self, allowed: bool) -> None:
        """Let float32 products round their factors to TF32, or not."""
        self._check("cublasSetMathMode", self._handle, ctypes.c_int(_TF32_MATH if allowed else _DEFAULT_MATH))

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        """Write or add the product. cuBLAS counts by column, so it is told to compute out^T = y^T x^T."""
        self.follow_stream()
        number, name = _DETAIL[x.dtype.name]
        m, n, k, count, *layouts = product
        self._check(
            name,
            self._handle,
            *(ctypes.c_int(_TRANSPOSE if layouts[i].transposed else _NONE) for i in (1, 0)),
            *(ctypes.c_int(size) for size in (n, m, k)),
            ctypes.byref(number(1)),
            *_matrix(y, layouts[1]),
            *_matrix(x, layouts[0]),
            ctypes.byref(number(1 if accumulate else 0)),
            *_matrix(out, layouts[2]),
            ctypes.c_int(count),
        )

    def _check(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: cuBLAS answers with status {status}")


def _matrix(array: Native, layout: Matrix) -> tuple[Any, ...]:
    return ctypes.c_void_p(array.data.ptr), ctypes.c_int(layout.leading), ctypes.c_longlong(layout.step)


def _library() -> Any:
    """Return the cuBLAS that CuPy has loaded."""
    import cupy

    cupy.cuda.device.get_cublas_handle()  # loads it, from wherever it is installed
    for version in (13, 12, 11):
        try:  # only what is loaded already: beside an older CUDA for CuPy there may be a newer one on the system
            return ctypes.CDLL(f"libcublas.so.{version}", mode=getattr(os, "RTLD_NOLOAD", 0))
        except OSError:
            continue
    raise BackendUnavailableError(
        "backend cupy: finds no cuBLAS: install it with pip install 'cupy-cuda12x[ctk]' (CUDA 12) "
        "or 'cupy-cuda13x[ctk]' (CUDA 13)"
    )
