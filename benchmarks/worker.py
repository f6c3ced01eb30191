"""One contestant in its own process: reads a number of steps, takes them, prints their cost.

    python benchmarks/worker.py '{"work": "lenet5", "kind": "numpy", "threads": 2}'

Prints {"wall": seconds, "cpu": seconds, "peak": bytes in addition to those of the libraries}.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import augmented
import runners
from workloads import workload

GEMM_SIZE = 1536


def memory(field: str) -> int:
    """Return VmRSS or VmHWM (the peak) of this process in bytes; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


def make(task: dict[str, Any]) -> runners.Run:
    """Return the runner that a task names."""
    kind, threads = task["kind"], task["threads"]
    if kind == "gemm":
        return runners.gemm(GEMM_SIZE)
    if task["work"] == "augmented":
        if kind == "pytorch":
            return augmented.HandWritten(threads).run
        return augmented.take_steps(augmented.ours(kind, threads))
    work = workload(task["work"], task.get("batch_size"))
    if kind.startswith("pytorch"):
        return runners.theirs(work, threads, channels_last="channels_last" in kind, compiled="compile" in kind)
    backend, _, numerics = kind.partition(" ")  # "numpy" or "numpy exact"
    return runners.ours(work, backend, threads, numerics or "plain", task.get("leaf"))


def main() -> None:
    task = json.loads(sys.argv[1])
    if task["kind"].startswith("pytorch") or task["kind"] == "torch":
        import torch  # noqa: F401 (its memory is not the step's)
    before = memory("VmRSS")
    run = make(task)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run(int(line))
        answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(answer | {"peak": memory("VmHWM") - before}), flush=True)


if __name__ == "__main__":
    main()
