"""Ways to run one training that must not change a bit: backends, kernels of the libraries, threads, leaves, workers."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launching import run, run_mpiexec, run_torchrun

from cnnkit.backends.registry import available_backends

SECONDS = 3600.0  # for the five cases of one arrangement
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True)
class Arrangement:
    """Options of exact.one_run, and how it is started.

    workers: how many a launcher starts; 0: a process of its own
    """

    name: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: int = 0
    launch: Callable[..., Any] = run_mpiexec

    def run(self, steps: int, cases: Sequence[str] = ()) -> dict[str, str]:
        """Return {case: fingerprint}. Raises RuntimeError with what the process said when it fails."""
        module = ("-m", "exact.one_run", *cases, "--steps", str(steps), *self.options)
        environment = NO_GPU | {"PYTHONPATH": str(Path(__file__).parents[1])} | self.environment
        if self.workers:
            done = self.launch(self.workers, *module, seconds=SECONDS, **environment)
        else:
            done = run([sys.executable, *module], SECONDS, environment)
        if done.returncode:
            raise RuntimeError(f"{self.name}: exit status {done.returncode}\n{done.stderr[-2000:]}")
        hashes: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
        return hashes


def list_arrangements() -> list[Arrangement]:
    """Return those that this machine can run."""
    arrangements = [
        Arrangement(f"numpy, OpenBLAS {kernels}", (), {"OPENBLAS_CORETYPE": kernels})
        for kernels in ("Prescott", "Haswell", "Zen", "SkylakeX")
    ]
    arrangements += [
        Arrangement("numpy, 2 threads", ("--threads", "2")),
        NUMPY_WITHOUT_AVX,
        Arrangement("numpy, leaves of 4", ("--leaf", "4")),
        Arrangement("torch", ("--backend", "torch")),
        Arrangement("torch, 2 threads", ("--backend", "torch", "--threads", "2")),
        Arrangement("torch, MKL AVX2", ("--backend", "torch"), {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}),
        TORCH_WITHOUT_AVX,
        Arrangement("torch, leaves of 4", ("--backend", "torch", "--leaf", "4")),
        Arrangement("reference", ("--backend", "reference")),
        Arrangement("cupy-sim", ("--backend", "cupy-sim")),
    ]
    if available_backends()["cupy"].usable:
        arrangements.append(Arrangement("cupy", ("--backend", "cupy"), {"CUDA_VISIBLE_DEVICES": "0"}))
    arrangements += [Arrangement(f"numpy, MPI of {n}", workers=n) for n in (1, 2, 3, 4)]
    gloo = {"options": ("--backend", "torch"), "launch": run_torchrun}
    return arrangements + [Arrangement(f"torch, Gloo of {n}", workers=n, **gloo) for n in (1, 2, 3, 4)]


# NumPy's loops, and OpenBLAS's, as on a processor of 2008
NUMPY_WITHOUT_AVX = Arrangement(
    "numpy, no AVX", (), {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL", "OPENBLAS_CORETYPE": "Prescott"}
)
TORCH_WITHOUT_AVX = Arrangement(
    "torch, no AVX", ("--backend", "torch"),
    {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
)  # fmt: skip
