"""Training steps on an NVIDIA GPU: ours by CuPy and by PyTorch, eager and captured, beside hand-written PyTorch.

    python benchmarks/gpu.py [--json FILE]

All nets train on the same batch of 128 random images that lie on the device, with Adam, in float32 without TF32. The
variants take turns; a figure is the median over the rounds of the time of a step, with the smallest and largest.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnnkit import Model, recipes
from cnnkit.backends.registry import get_backend
from cnnkit.flat_tree import flat_tree
from cnnkit.losses import SoftmaxCrossEntropy
from cnnkit.optimizers import Adam
from cnnkit.training.step import StepWork, TrainState, make_step

BATCH, ROUNDS, STEPS, WARM_UP = 128, 7, 200, 20
Run = Callable[[int], None]


def ours(name: str, backend: Any) -> Run:
    """Return run(steps), which takes steps of our training step."""
    network, shape = recipes.get(name).network()
    model = Model(network, shape, backend=backend, dtype="float32", seed=0)
    optimizer, x, labels = Adam(), *batch(shape)
    x, labels = model.backend.asarray(x, "float32"), model.backend.asarray(labels)
    params = flat_tree(model.backend, model.params)
    state = {"variables": TrainState(params, model.state, optimizer.init(model.backend, params, "float32")), "done": 0}
    step = make_step(StepWork(model.backend, model.network, SoftmaxCrossEntropy(), optimizer, (0, 0)))

    def run(steps: int) -> None:
        for _ in range(steps):
            state["done"] += 1
            scalars = optimizer.scalars(state["done"], 1e-3) | {"step": state["done"]}
            state["variables"], _ = step(state["variables"], x, labels, scalars)

    run.step = step  # type: ignore[attr-defined]
    return run


def network(name: str) -> torch.nn.Module:
    """Return the recipe's net as one writes it in PyTorch."""
    nn = torch.nn
    if name == "lenet5":
        layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                  nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                  nn.Linear(84, 10)]  # fmt: skip
    else:
        layers = [nn.Conv2d(1, 32, 2, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 2, padding=1), nn.MaxPool2d(2),
                  nn.Flatten(), nn.Linear(14400, 128), nn.ReLU(), nn.Linear(128, 10)]  # fmt: skip
    return nn.Sequential(*layers)


def theirs(name: str, channels_last: bool = False, compiled: bool = False, fused: bool = False) -> Run:
    """Return run(steps), which takes steps of a hand-written PyTorch loop."""
    net = network(name).cuda()
    x, labels = (torch.from_numpy(a).cuda() for a in batch((1, 28, 28)))
    if channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)
    forward = torch.compile(net) if compiled else net

    def run(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(forward(x), labels).backward()
            optimizer.step()

    return run


def batch(shape: tuple[int, ...]) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((BATCH, *shape), np.float32), rng.integers(10, size=BATCH)


def timed(run: Run) -> float:
    """Return the microseconds of a step, all work on the device done."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    run(STEPS)
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / STEPS * 1e6


def measure(name: str) -> dict[str, Any]:
    """Return {variant: microseconds of a step in each round}."""
    eager = get_backend("cupy")
    eager.captures = False  # type: ignore[attr-defined]
    variants: dict[str, Run] = {
        "PyTorch, eager": theirs(name),
        "PyTorch, eager, channels_last": theirs(name, channels_last=True),
        "PyTorch, eager, fused Adam": theirs(name, fused=True),
        "PyTorch, torch.compile": theirs(name, compiled=True),
        "cnnkit, torch backend": ours(name, get_backend("torch", device="cuda")),
        "cnnkit, cupy backend, eager": ours(name, eager),
        "cnnkit, cupy backend": ours(name, get_backend("cupy")),
    }
    for run in variants.values():
        run(WARM_UP)
    times: dict[str, list[float]] = {variant: [] for variant in variants}
    for _ in range(ROUNDS):
        for variant, run in variants.items():
            times[variant].append(timed(run))
    reasons = {v: r.step.reason for v, r in variants.items() if hasattr(getattr(r, "step", None), "reason")}  # type: ignore[attr-defined]
    return {"times": times, "reasons": reasons}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    results: dict[str, Any] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    for name in ("lenet5", "lecture-cnn"):
        results[name] = measure(name)
        times = results[name]["times"]
        base = statistics.median(min(a, b) for a, b in zip(*list(times.values())[:2], strict=True))
        print(f"{name}, batch {BATCH}, on {results['device']}, PyTorch {results['torch']}")
        for variant, values in times.items():
            middle = statistics.median(values)
            print(f"  {variant:32} {middle:8.1f} us ({min(values):.1f} to {max(values):.1f})  {base / middle:5.2f}x")
        for variant, reason in results[name]["reasons"].items():
            print(f"  {variant}: {'captured' if reason is None else 'not captured: ' + reason}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
