"""C against Python: one image through exported C, the NumPy backend and PyTorch, in turns on one thread.

    python benchmarks/c_file.py [--rounds 7] [--only scratch-mlp lenet5 lecture-cnn]

Needs gcc. C is compiled with -O2, and with -O3 -march=native.
"""

import ctypes
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from arguments import parser, positive

from cnnkit import Model, recipes
from cnnkit.architecture import build
from cnnkit.exporters import write

NETS = ("scratch-mlp", "lenet5", "lecture-cnn")
LEVELS = {"C, -O2": ("-O2",), "C, -O3 -march=native": ("-O3", "-march=native")}
SECONDS = 0.2  # of a measurement


def load(path: Path, flags: tuple[str, ...]) -> Callable[[np.ndarray, np.ndarray], None]:
    library = path.with_suffix(f".{len(flags)}.so")
    subprocess.run(["gcc", "-std=c99", *flags, "-shared", "-fPIC", path, "-o", library, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).predict
    return lambda x, y: function(x.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p))


def measure(call: Callable[[], object]) -> float:
    """Return the seconds of a call, the mean over SECONDS."""
    call()
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        call()
        count += 1
    return (time.perf_counter() - begin) / count


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=7)
    arguments.add_argument("--only", nargs="+", default=list(NETS))
    options = arguments.parse_args()
    print("| network | " + " | ".join((*LEVELS, "cnnkit, numpy", "cnnkit, torch")) + " | the C file |")
    print("| --- |" + " ---: |" * (len(LEVELS) + 3))
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.c"
            network, shape = build(recipes.get(name).architecture)
            models = {kind: Model(network, shape, backend=kind, threads=1, seed=0) for kind in ("numpy", "torch")}
            write(models["numpy"].to_weights(), path)
            size = path.stat().st_size
            x = np.random.default_rng(0).random((1, *shape), np.float32)
            y = np.zeros(models["numpy"].outputs(x).size, np.float32)
            calls: list[Callable[[], object]] = [partial(load(path, flags), x, y) for flags in LEVELS.values()]
            calls += [partial(model.outputs, x) for model in models.values()]
            rounds = [[measure(call) for call in calls] for _ in range(options.rounds)]
        times = [statistics.median(column) for column in zip(*rounds, strict=True)]
        cells = [f"{1e6 * t:,.0f} us ({t / times[0]:.2g})" for t in times]
        print(f"| `{name}` | {' | '.join(cells)} | {size / 1e6:.1f} MB |", flush=True)


if __name__ == "__main__":
    main()
