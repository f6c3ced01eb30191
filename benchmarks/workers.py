"""How a training scales over workers: milliseconds of a step on one core, two threads, and one or two workers.

    python benchmarks/workers.py [--rounds 5] [--net lenet5 lecture-cnn] [--backend numpy torch]

Batch 128, Adam. The ways take turns, each in processes of its own; medians over rounds of the time of a step, and of
the CPU time of the process that needs most, are printed and written to docs/measurements/workers.json. Where others
use the machine, the CPU time tells what a core for each process would bring. mpiexec starts NumPy workers, torchrun
those of PyTorch.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from arguments import parser, positive
from groups import LAUNCHERS, ROOT
from rows import machine

FIGURES = Path(__file__).parents[1] / "docs" / "measurements" / "workers.json"
IMAGES = {"lenet5": 6400, "lecture-cnn": 384}
LEAF = 16
WAYS = {  # (leaf, threads, workers; 0: no launcher)
    "one thread": (None, 1, 0),
    "one thread, leaves": (LEAF, 1, 0),
    "two threads": (None, 2, 0),
    "one worker": (LEAF, 1, 1),
    "two workers": (LEAF, 1, 2),
}

# argv is net, backend, images, leaf (0: none), threads: the training loop itself, each worker with its share.
EPOCHS = """
import contextlib, json, sys, time, numpy as np
from cnnkit import Model, Options, Training, recipes
from cnnkit.backends.groups import find_group
from cnnkit.backends.registry import get_backend
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
net, name, images, leaf, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
network, shape = recipes.get(net).network()
rng = np.random.default_rng(0)
data = Split(rng.integers(256, size=(images, *shape)).astype(np.uint8), rng.integers(10, size=images))
dataset = Dataset("random", data, None, tuple(map(str, range(10))), shape, Scaling(factor=1 / 255))
fixed = {"optimizer": "adam", "learning_rate": 1e-3, "validation_split": 0.0}
options = Options(batch_size=128, epochs=4, leaf=leaf or None, **fixed)
backend = get_backend(name, device="cpu", threads=threads)
group = find_group(backend)
with group or contextlib.nullcontext():
    training = Training(Model(network, shape, backend=backend, seed=0), dataset, options, group)
    seconds, cpu = [], []
    for report in training.epochs():
        seconds.append(report.entry["seconds"])
        cpu.append(time.process_time())
    steps, cpu = images / 128, min(b - a for a, b in zip(cpu, cpu[1:]))
    if group is not None:
        cpu = max(group.all_gather_json(cpu))
    if group is None or group.rank == 0:
        print(json.dumps([1e3 * min(seconds[1:]) / steps, 1e3 * cpu / steps]))
"""


def time_step(net: str, backend: str, way: str) -> list[float]:
    """Return the milliseconds of a step in the best epoch but the first, and of CPU of the busiest process."""
    leaf, threads, workers = WAYS[way]
    command = LAUNCHERS["gloo" if backend == "torch" else "mpi"](workers) if workers else [sys.executable]
    script = Path(os.environ.get("TMPDIR", "/tmp"), f"cnnkit-workers-{os.getpid()}.py")
    script.write_text(EPOCHS)
    arguments = [str(script), net, backend, str(IMAGES[net]), str(leaf or 0), str(threads)]
    environment = os.environ | ROOT | ({"OMP_NUM_THREADS": "1"} if threads == 1 else {})
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
    script.unlink()
    if done.returncode:
        raise SystemExit(done.stderr)
    return list(json.loads(done.stdout))


def compete(net: str, backend: str, rounds: int) -> dict[str, Any]:
    """Return {way: medians of the milliseconds and CPU milliseconds of a step}, the ways in turns."""
    times: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, values in times.items():
            values.append(time_step(net, backend, way))
    middle = {way: [statistics.median(column) for column in zip(*values, strict=True)] for way, values in times.items()}
    return {way: {"ms": round(wall, 2), "cpu_ms": round(cpu, 2)} for way, (wall, cpu) in middle.items()}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=positive, default=5)
    arguments.add_argument("--net", choices=IMAGES, nargs="+", default=list(IMAGES))
    arguments.add_argument("--backend", choices=("numpy", "torch"), nargs="+", default=["numpy", "torch"])
    given = arguments.parse_args()
    known = json.loads(FIGURES.read_text())["results"] if FIGURES.exists() else []
    results = [row for row in known if not (row["net"] in given.net and row["backend"] in given.backend)]
    for backend in given.backend:
        for net in given.net:
            found = compete(net, backend, given.rounds)
            results.append({"net": net, "backend": backend, "ways": found})
            for way, row in found.items():
                print(f"{backend}, {net}, {way}: {row['ms']:g} ms a step, {row['cpu_ms']:g} ms of CPU")
    FIGURES.write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
