"""cuBLAS through ctypes, with a handle and a workspace of our own.

CuPy refuses its cuBLAS calls while a stream is captured (cupy issue 6290). The library itself allows them if the user
sets its workspace.
"""

import ctypes
import os
import weakref
from typing import Any

from cnnkit.backends.cuda.products import MatrixLayout, Product
from cnnkit.backends.protocol import Native
from cnnkit.errors import BackendUnavailableError

WORKSPACE = 32 << 20  # bytes, as NVIDIA recommends for Hopper
_NONE, _TRANSPOSE = 0, 1
_DEFAULT_MATH, _TF32_MATH = 0, 3
_FULL_SUMS = 16  # with either of the two: partial sums of 16-bit products stay float32
_TYPES = {"float32": 0, "float16": 2, "bfloat16": 14}  # cudaDataType_t
_COMPUTE_32F, _ANY_ALGORITHM = 68, -1
_DETAIL = {
    "float32": (ctypes.c_float, "cublasSgemmStridedBatched"),
    "float64": (ctypes.c_double, "cublasDgemmStridedBatched"),
}


class Cublas:
    """MatrixLayout products on the current device, in CuPy's current stream; of 16-bit types they add up in float32."""

    def __init__(self, cupy: Any) -> None:
        self._library, self._cupy = _library(), cupy
        self._handle = ctypes.c_void_p()
        self._workspace = cupy.cuda.alloc(WORKSPACE)
        self._stream: int | None = None
        self._check("cublasCreate_v2", ctypes.byref(self._handle))
        weakref.finalize(self, self._library.cublasDestroy_v2, self._handle)
        self.allow_tf32(False)

    def follow_stream(self) -> None:
        """Compute products in CuPy's current stream. A change of stream resets the workspace of cuBLAS."""
        stream = int(self._cupy.cuda.get_current_stream().ptr)
        if stream != self._stream:
            self._check("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
            pointer, size = ctypes.c_void_p(self._workspace.ptr), ctypes.c_size_t(WORKSPACE)
            self._check("cublasSetWorkspace_v2", self._handle, pointer, size)
            self._stream = stream

    def allow_tf32(self, allowed: bool) -> None:
        """Set whether float32 products may round their factors to TF32."""
        self._check(
            "cublasSetMathMode", self._handle, ctypes.c_int((_TF32_MATH if allowed else _DEFAULT_MATH) | _FULL_SUMS)
        )

    def multiply(self, product: Product, x: Native, y: Native, out: Native, accumulate: bool) -> None:
        """Write or add the product. cuBLAS is column-major, so it computes out^T = y^T x^T."""
        self.follow_stream()
        half = x.dtype.name not in _DETAIL
        number, name = (ctypes.c_float, "cublasGemmStridedBatchedEx") if half else _DETAIL[x.dtype.name]
        m, n, k, count, *layouts = product
        matrix = _typed_matrix if half else _matrix
        self._check(
            name,
            self._handle,
            *(ctypes.c_int(_TRANSPOSE if layouts[i].transposed else _NONE) for i in (1, 0)),
            *(ctypes.c_int(size) for size in (n, m, k)),
            ctypes.byref(number(1)),
            *matrix(y, layouts[1]),
            *matrix(x, layouts[0]),
            ctypes.byref(number(1 if accumulate else 0)),
            *matrix(out, layouts[2]),
            ctypes.c_int(count),
            *((ctypes.c_int(_COMPUTE_32F), ctypes.c_int(_ANY_ALGORITHM)) if half else ()),
        )

    def _check(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: cuBLAS returned status {status}")


def _matrix(array: Native, layout: MatrixLayout) -> tuple[Any, ...]:
    return ctypes.c_void_p(array.data.ptr), ctypes.c_int(layout.leading), ctypes.c_longlong(layout.step)


def _typed_matrix(array: Native, layout: MatrixLayout) -> tuple[Any, ...]:
    pointer, *rest = _matrix(array, layout)
    return pointer, ctypes.c_int(_TYPES[array.dtype.name]), *rest


def _library() -> Any:
    """Return the cuBLAS that CuPy has loaded."""
    import cupy

    cupy.cuda.device.get_cublas_handle()  # this loads it, wherever it is installed
    for version in (13, 12, 11):
        try:  # only a library that is already loaded: the system may have a newer CUDA than CuPy
            return ctypes.CDLL(f"libcublas.so.{version}", mode=getattr(os, "RTLD_NOLOAD", 0))
        except OSError:
            continue
    raise BackendUnavailableError(
        "backend cupy: found no cuBLAS: install it with pip install 'cupy-cuda12x[ctk]' (CUDA 12) "
        "or 'cupy-cuda13x[ctk]' (CUDA 13)"
    )
