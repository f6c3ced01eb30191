"""P11: `inspect` with statistics of a large HDF5 file against one plain pass over it, whole processes in turns.

    python benchmarks/inspection.py [MEGABYTES [ROUNDS]]

The plain pass reads the same file with h5py a slice at a time and computes min, max, mean, std and SHA-256. Targets: at
most 1.5 times its time, and at most 250 MB of memory for any size. Three files: HDF5 as h5py writes it, the same in
chunks, and HDF5 written by cnnkit.
"""

import statistics
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from arguments import parser, positive
from rows import Row, table
from turns import process

from cnnkit import exporters

MATRIX = 64  # megabytes
PASS = "one plain pass: min, max, mean, std, SHA-256"
PLAIN = """
import hashlib, sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as file:
    matrices = []
    file.visititems(lambda name, data: matrices.append(data) if getattr(data, "ndim", 0) == 2 else None)
    for data in matrices:
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
    """Write HDF5 by h5py alone: matrices of MATRIX megabytes of normally distributed numbers."""
    draws = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for i in range(megabytes // MATRIX):
            data = file.create_dataset(f"layer{i}", (4096, 4096), "f4", chunks=chunks)
            for start in range(0, 4096, 256):
                data[start : start + 256] = draws.standard_normal((256, 4096), dtype="f4")


def measure(megabytes: int, rounds: int) -> list[Row]:
    """Return the rows of P11."""
    with tempfile.TemporaryDirectory() as folder:
        theirs, chunked, own = (Path(folder, f"{name}.h5") for name in ("theirs", "chunked", "own"))
        make(theirs, megabytes)
        make(chunked, megabytes, (64, 4096))
        exporters.write(exporters.read(theirs), own)
        kinds = {"P11": ("of another maker", theirs), "P11b": ("of another maker, in chunks", chunked),
                 "P11c": ("of cnnkit's own", own)}  # fmt: skip
        turns: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in kinds}
        for turn in range(rounds + 1):
            for name, (_, path) in kinds.items():
                wall, cpu, *_ = process([sys.executable, "-c", PLAIN, str(path)])
                taken = process([sys.executable, "-m", "cnnkit.cli", "inspect", str(path)])
                if turn:  # the first one warms up
                    turns[name].append((taken[0] / wall, taken[1] / cpu, taken[2], wall))
    rows = []
    for name, results in turns.items():
        peak, plain = max(turn[2] for turn in results), statistics.median(turn[3] for turn in results)
        rows.append(
            Row(
                name,
                f"inspect {megabytes} MB of HDF5 {kinds[name][0]}",
                PASS,
                [turn[0] for turn in results],
                "times as long",
                1.5,
                False,
                cpu=[turn[1] for turn in results],
                beside={"peak of the largest process": f"{peak:.0f} MB of at most 250", "plain pass": f"{plain:.2f} s"},
            )
        )
    return rows


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("megabytes", nargs="?", type=positive, default=1024)
    options.add_argument("rounds", nargs="?", type=positive, default=5)
    chosen = options.parse_args()
    print(table(measure(max(chosen.megabytes // MATRIX, 1) * MATRIX, chosen.rounds)))
