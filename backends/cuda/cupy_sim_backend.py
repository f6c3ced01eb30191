"""cupy-sim: the CUDA backend on the CPU simulator, which tests its kernels on machines without a GPU."""

import shutil
import sys

from cnnkit.backends.cuda.cuda_backend import CudaBackend
from cnnkit.backends.execution import require_threads
from cnnkit.backends.protocol import Availability
from cnnkit.errors import BackendUnavailableError


class CupySimBackend(CudaBackend):
    """The same kernels as CupyBackend, on simulated memory and threads. It is slow."""

    name = "cupy-sim"
    device = "cpu"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        require_threads(threads)
        if device not in (None, "cpu"):
            raise BackendUnavailableError(f"backend cupy-sim: expected device cpu, got {device!r}")
        from cnnkit.backends.cuda.simulator.sim_machine import SimMachine

        super().__init__(SimMachine())

    @classmethod
    def availability(cls) -> Availability:
        if sys.platform != "linux":
            return Availability(False, "it compiles CUDA kernels with g++ and glibc, so it needs Linux", "", ())
        if shutil.which("g++") is None:
            return Availability(False, "it compiles CUDA kernels with g++, which is missing", "apt install g++", ())
        return Availability(True, devices=("cpu",))
