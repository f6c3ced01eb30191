"""CuPy: the CUDA backend on an NVIDIA GPU."""

import atexit
import os
import shutil
import tempfile

from cnnkit.backends.cuda.cuda_backend import CudaBackend
from cnnkit.backends.execution import require_threads
from cnnkit.backends.protocol import Availability
from cnnkit.errors import BackendUnavailableError, first_line

_INSTALL = "pip install 'cnnkit[cupy12]' (CUDA 12) or 'cnnkit[cupy13]' (CUDA 13)"


class CupyBackend(CudaBackend):
    """The primitives on cupy.ndarray, on the current CUDA device."""

    name = "cupy"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        require_threads(threads)
        if device not in (None, "cuda"):
            raise BackendUnavailableError(f"backend cupy: expected device cuda, got {device!r}")
        from cnnkit.backends.cuda.gpu import Gpu

        self._gpu = Gpu()
        super().__init__(self._gpu)

    @classmethod
    def availability(cls) -> Availability:
        _place_cache()
        try:
            import cupy
        except ImportError:
            return Availability(False, "CuPy is not installed", _INSTALL, ())
        if not cupy.cuda.is_available():
            return Availability(False, "CuPy finds no NVIDIA GPU on this machine", "", ())
        try:  # a driver and a device do not mean that a compiler and cuBLAS are installed
            ones = cupy.ones((2, 2), "float32")
            cupy.cuda.runtime.deviceSynchronize()
            float((ones @ ones + ones).sum())
        except Exception as error:
            reason = first_line(error) or type(error).__name__
            return Availability(
                False, f"CuPy cannot run a kernel here: {reason}", "pip install 'cupy-cuda12x[ctk]'", ()
            )
        return Availability(True, devices=("cuda",))

    def describe_engine(self) -> dict[str, str]:
        import cupy

        runtime = cupy.cuda.runtime
        name: bytes = runtime.getDeviceProperties(runtime.getDevice())["name"]
        return {"gpu": name.decode(), "cuda": str(runtime.runtimeGetVersion())}

    def allow_tf32(self) -> None:
        self._gpu.cublas.allow_tf32(True)


def _place_cache() -> None:
    """Give the kernels of CuPy a temporary folder where the user has no home: it would make one called ~ here."""
    if os.path.expanduser("~") == "~" and "CUPY_CACHE_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="cnnkit-cupy-")
        os.environ["CUPY_CACHE_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
