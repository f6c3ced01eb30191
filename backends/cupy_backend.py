"""CuPy: the array code on an NVIDIA GPU."""

from typing import Any

from cnnkit.backends.array_code.array_backend import ArrayBackend
from cnnkit.backends.protocol import Availability, Native
from cnnkit.errors import BackendUnavailableError

_INSTALL = "pip install 'cnnkit[cupy12]' (CUDA 12) or 'cnnkit[cupy13]' (CUDA 13)"


class CupyBackend(ArrayBackend):
    """The primitives on cupy.ndarray."""

    name = "cupy"
    device = "cuda"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        if device not in (None, "cuda"):
            raise BackendUnavailableError(f"backend cupy: expected device cuda, got {device!r}")
        import cupy

        super().__init__(cupy)

    @classmethod
    def availability(cls) -> Availability:
        try:
            import cupy
        except ImportError:
            return Availability(False, "CuPy is not installed", _INSTALL, ())
        if not cupy.cuda.is_available():
            return Availability(False, "CuPy finds no NVIDIA GPU on this machine", "", ())
        try:  # a driver and a device are not yet a compiler and a cuBLAS
            ones = cupy.ones((2, 2), "float32")
            cupy.cuda.runtime.deviceSynchronize()
            float((ones @ ones + ones).sum())
        except Exception as error:
            return Availability(
                False,
                f"CuPy cannot run a kernel here: {str(error).splitlines()[0]}",
                "pip install 'cupy-cuda12x[ctk]'",
                (),
            )
        return Availability(True, devices=("cuda",))

    def to_numpy(self, x: Native) -> Any:
        return self.xp.asnumpy(x)

    def synchronize(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()
