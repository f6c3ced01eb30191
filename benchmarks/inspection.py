"""P11: `inspect` with statistics of a large HDF5 file against one plain pass over it, whole processes in turns.

    python benchmarks/inspection.py [MEGABYTES [ROUNDS]]

The plain pass reads with h5py a slice at a time and computes min, max, mean, std and SHA-256. Targets: at most 1.5
times its time, and at most 250 MB of memory, whatever the size.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

PLAIN = """
import hashlib, sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as file:
    for data in file.values():
        digest, low, high, total, squares = hashlib.sha256(), np.inf, -np.inf, 0.0, 0.0
        for start in range(0, len(data), 64):
            part = data[start : start + 64]
            digest.update(part.data)
            low, high = min(low, part.min()), max(high, part.max())
            total, squares = total + part.sum(dtype="f8"), squares + np.square(part, dtype="f8").sum()
        mean = total / data.size
        print(low, high, mean, (squares / data.size - mean**2) ** 0.5, digest.hexdigest())
"""


def make(path: Path, megabytes: int) -> None:
    """Write a file of another maker: matrices of 64 MB of normal numbers."""
    draws = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for i in range(max(1, megabytes // 64)):
            data = file.create_dataset(f"layer{i}", (4096, 4096), "f4")
            for start in range(0, 4096, 256):
                data[start : start + 256] = draws.standard_normal((256, 4096), dtype="f4")


def run(arguments: list[str]) -> tuple[float, float]:
    """Return (seconds, megabytes at the peak) of a whole process and its children."""
    started = time.perf_counter()
    code = f"import resource,subprocess;subprocess.run({arguments!r},check=True,stdout=-3);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout) / 1024


def main(megabytes: int = 1024, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.h5"
        make(path, megabytes)
        ours = [sys.executable, "-m", "cnnkit.cli", "inspect", str(path)]
        plain = [sys.executable, "-c", PLAIN, str(path)]
        run(plain)
        pairs = [(run(ours), run(plain)) for _ in range(rounds)]
    ratios = sorted(a[0] / b[0] for a, b in pairs)
    print(
        f"P11 inspect of {megabytes} MB / a plain pass: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to "
        f"{ratios[-1]:.2f}), target <= 1.5; peak {max(a[1] for a, _ in pairs):.0f} MB, target <= 250 "
        f"(plain pass {max(b[1] for _, b in pairs):.0f} MB)"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
