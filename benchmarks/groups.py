"""What workers cost that talk: seconds and bytes of a sum by the tree of leaves, against the engine's own all-reduce.

    python benchmarks/groups.py [--workers 2 4] [--rounds 30] [--engine mpi gloo]

The sum by the tree has the same bits for every number of workers, all-reduce has not. Both take turns in the same
processes; the ratio is the median over rounds. Results are printed and written to docs/measurements/groups.json.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from arguments import parser, positive
from rows import machine

from cnnkit import Model, recipes
from cnnkit.backends.groups import Group, find_group
from cnnkit.backends.leaf_tree import Node, add_in_pairs, cover
from cnnkit.backends.registry import get_backend

FIGURES = Path(__file__).parents[1] / "docs" / "measurements" / "groups.json"
NETS = ("digits-cnn", "lenet5", "lecture-cnn")
LEAVES = 8
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
LAUNCHERS = {
    "mpi": lambda n: [find_mpiexec(), "--oversubscribe", "--bind-to", "none", "-n", str(n), sys.executable],
    "gloo": lambda n: [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)],
}


def find_mpiexec() -> str:
    """Return mpiexec of this environment, else that of the system."""
    return shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or "mpiexec"


def all_reduce(group: Group) -> Callable[[np.ndarray], Any]:
    """Return the engine's own sum over workers, in whatever order it likes."""
    if group.name == "MPI":
        from mpi4py import MPI

        return lambda x: MPI.COMM_WORLD.Allreduce(x, np.empty_like(x))
    import torch

    return lambda x: torch.distributed.all_reduce(torch.from_numpy(x))


def measure(group: Group, rounds: int, numbers: int) -> dict[str, Any]:
    """Return the costs of one sum of so many float32, and of a gather of 128 numbers as BatchNorm needs it."""
    cuts = [LEAVES * k // group.size for k in range(group.size + 1)]
    owned: list[list[Node]] = [[own] for own in pairwise(cuts)]
    x = np.ones(numbers, np.float32)
    values = dict.fromkeys(cover(LEAVES, *owned[group.rank][0]), x)
    plain = all_reduce(group)
    before = group.sent_bytes
    group.reduce_leaves(values, owned, x)
    sent = group.sent_bytes - before
    calls = {
        "tree": lambda: group.reduce_leaves(values, owned, x),
        "all_reduce": lambda: plain(x),
        "gather": lambda: add_in_pairs(group.all_gather(x[:128])),
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            group.barrier()
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    ratios = [tree / plain for tree, plain in zip(seconds["tree"], seconds["all_reduce"], strict=True)]
    return {
        "numbers": numbers,
        "sent_bytes": max(group.all_gather_json(sent)),
        "ring_bytes": round(8 * numbers * (group.size - 1) / group.size),
        "milliseconds": {name: round(1e3 * statistics.median(times), 3) for name, times in seconds.items()},
        "best": {name: round(1e3 * min(times), 3) for name, times in seconds.items()},
        "ratio": round(statistics.median(ratios), 2),
    }


def time_messages(rounds: int, others: int = 63) -> float:
    """Return the milliseconds of Python and MPI for an exchange of 512 bytes with so many workers, without a network.

    One process sends all of them to itself.
    """
    from mpi4py import MPI

    x, rooms, seconds = np.zeros(512, np.uint8), [np.empty(512, np.uint8) for _ in range(others)], []
    for _ in range(rounds):
        start = time.perf_counter()
        requests = [MPI.COMM_WORLD.Irecv([room, MPI.BYTE], 0) for room in rooms]
        requests += [MPI.COMM_WORLD.Isend([x, MPI.BYTE], 0) for _ in rooms]
        while not MPI.Request.Testall(requests):
            pass
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds)


def work(rounds: int) -> None:
    """Measure as one of the workers; the first one tells."""
    with find_group(get_backend("numpy", threads=1)) as group:  # type: ignore[union-attr]
        results = {net: measure(group, rounds, Model(*recipes.get(net).network()).parameters) for net in NETS}
        if group.size == 1 and group.name == "MPI":
            results["digits-cnn"]["milliseconds"]["messages of 64 workers"] = round(time_messages(rounds), 3)
        if group.rank == 0:
            print(json.dumps(results))


def launch(engine: str, workers: int, rounds: int) -> dict[str, Any]:
    """Return what the workers of an engine measure."""
    command = [*LAUNCHERS[engine](workers), __file__, "--worker", "--rounds", str(rounds)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ROOT
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def compare(engines: list[str], numbers: list[int], rounds: int) -> None:
    """Print and write what each number of workers costs on each engine."""
    known = json.loads(FIGURES.read_text())["results"] if FIGURES.exists() else []
    results = [row for row in known if not (row["engine"] in engines and row["workers"] in numbers)]
    for engine in engines:
        for workers in numbers:
            for net, found in launch(engine, workers, rounds).items():
                results.append({"engine": engine, "workers": workers, "net": net, **found})
                times = ", ".join(f"{name} {value:g} ms" for name, value in found["milliseconds"].items())
                sent = f"{found['sent_bytes']:,} bytes sent, a ring {found['ring_bytes']:,}"
                print(f"{engine}, {workers} workers, {net}: {times}; {found['ratio']:g} times all-reduce; {sent}")
    FIGURES.write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")


def main() -> None:
    arguments: argparse.ArgumentParser = parser(__doc__)
    arguments.add_argument("--workers", type=positive, nargs="+", default=[2, 4])
    arguments.add_argument("--rounds", type=positive, default=30)
    arguments.add_argument("--engine", choices=LAUNCHERS, nargs="+", default=list(LAUNCHERS))
    arguments.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.worker:
        work(given.rounds)
    else:
        compare(given.engine, given.workers, given.rounds)


if __name__ == "__main__":
    main()
