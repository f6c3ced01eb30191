"""P9: 1.85 million float32 as text, against numpy.savetxt("%.9g") and numpy.loadtxt, in turns.

    python benchmarks/text.py [ROUNDS]

The numbers are lecture-cnn's: its shapes, freshly drawn. NumPy has no file of several arrays, so it writes them all as
one array, 16 a line, which is where it is fastest, and, for comparison, one a line, which is what it does with an array
of one axis. Ours writes architecture, headings, statistics and SHA-256 too, and checks each SHA-256 when it reads.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnkit import Model, recipes
from cnnkit.exporters.text.format import TextFormat


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return (wall, CPU) seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def turns(name: str, ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> None:
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    ratios = sorted(theirs[0] / mine[0] for mine, theirs in pairs)
    wall = [statistics.median(pair[side][0] for pair in pairs) for side in (0, 1)]
    cpu = statistics.median(theirs[1] / mine[1] for mine, theirs in pairs)
    print(
        f"| {name} | {1000 * wall[0]:.0f} ms | {1000 * wall[1]:.0f} ms "
        f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | {cpu:.2f} |",
        flush=True,
    )


def main(rounds: int) -> None:
    weights = Model(*recipes.get("lecture-cnn").network(), seed=0).to_weights()
    flat = np.concatenate([tensor.read().reshape(-1) for tensor in weights])
    lines = flat[: flat.size // 16 * 16].reshape(-1, 16)
    form = TextFormat()
    with tempfile.TemporaryDirectory() as folder:
        text, wide, narrow = (Path(folder, name) for name in ("a.txt", "b.txt", "c.txt"))
        print(f"{flat.size:,} float32, {rounds} rounds\n")
        print("| work | cnnkit | NumPy | speed, wall: median (min to max) | CPU |\n| --- | --- | --- | --- | --- |")
        turns("write, 16 a line", lambda: form.write(weights, text), lambda: np.savetxt(wide, lines, "%.9g"), rounds)
        turns("read, 16 a line", lambda: form.read(text), lambda: np.loadtxt(wide, np.float32), rounds)
        turns("write, 1 a line", lambda: form.write(weights, text), lambda: np.savetxt(narrow, flat, "%.9g"), rounds)
        turns("read, 1 a line", lambda: form.read(text), lambda: np.loadtxt(narrow, np.float32), rounds)
        print(f"\nsize: {text.stat().st_size:,} bytes against {wide.stat().st_size:,} and {narrow.stat().st_size:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
