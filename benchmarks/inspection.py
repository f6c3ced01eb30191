"""P11: `inspect` with statistics of a large HDF5 file against one plain pass over it, whole processes in turns.

    python benchmarks/inspection.py [MEGABYTES [ROUNDS]]

The plain pass reads with h5py a slice at a time and computes min, max, mean, std and SHA-256. Targets: at most 1.5
times its time, and at most 250 MB of memory, whatever the size. Three files take turns with it: HDF5 of another maker
as h5py writes it, the same in chunks, and cnnkit's own.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from cnnkit import exporters

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


def make(path: Path, megabytes: int, chunks: tuple[int, int] | None = None) -> None:
    """Write a file of another maker: matrices of 64 MB of normal numbers."""
    draws = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for i in range(max(1, megabytes // 64)):
            data = file.create_dataset(f"layer{i}", (4096, 4096), "f4", chunks=chunks)
            for start in range(0, 4096, 256):
                data[start : start + 256] = draws.standard_normal((256, 4096), dtype="f4")


def run(arguments: list[str]) -> tuple[float, float]:
    """Return (seconds, megabytes at the peak) of a whole process and its children."""
    started = time.perf_counter()
    code = f"import resource,subprocess;subprocess.run({arguments!r},check=True,stdout=-3);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout) / 1024


def main(megabytes: int = 1024, rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        theirs, chunked, own = (Path(folder, f"{name}.h5") for name in ("theirs", "chunked", "own"))
        make(theirs, megabytes)
        make(chunked, megabytes, (64, 4096))
        exporters.write(exporters.read(theirs), own)
        plain = [sys.executable, "-c", PLAIN, str(theirs)]
        run(plain)
        turns: dict[str, list[tuple[float, float]]] = {path.stem: [] for path in (theirs, chunked, own)}
        for _ in range(rounds):
            usual = run(plain)
            for path in (theirs, chunked, own):
                taken = run([sys.executable, "-m", "cnnkit.cli", "inspect", str(path)])
                turns[path.stem].append((taken[0] / usual[0], taken[1]))
    for name, found in turns.items():
        ratios = sorted(ratio for ratio, _ in found)
        print(
            f"P11 inspect of {megabytes} MB, {name} / a plain pass: {statistics.median(ratios):.2f} ({ratios[0]:.2f} "
            f"to {ratios[-1]:.2f}), target <= 1.5; peak {max(peak for _, peak in found):.0f} MB, target <= 250"
        )
    print(f"(plain pass: {usual[0]:.2f} s, {usual[1]:.0f} MB)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
