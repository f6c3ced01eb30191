"""Seeds that cnnkit writes itself, one of each format that it can write, and two nets."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import cnnkit
from cnnkit.exporters import Tensor, WeightFile, formats, read, write
from cnnkit.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential
from torture.mutation.seed import Seed


def make() -> Iterator[Seed]:
    """Yield a seed of each format: of a small net, and of tensors of many types where the format holds them."""
    nets = {"net": _make_net(), "types": _make_types()}
    for name, form in formats().items():
        for net, weights in nets.items():
            if (
                form.writes
                and form.reads
                and not form.by_name
                and not (net == "types" and (form.losses(weights) or name in ("keras", "onnx")))
            ):
                yield _write(f"{name}-{net}", weights, name, form.suffixes[0])


def _write(name: str, weights: WeightFile, format_name: str, suffix: str) -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"seed{suffix}")
        write(weights, path, format_name)
        return Seed.of(name, "weights", path.name, path.read_bytes())


def _make_net() -> WeightFile:
    layers = Conv2D(2, 3, padding=1), ReLU(), MaxPool2D(2), Flatten(), Dense(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.h5")
        cnnkit.Model(Sequential(layers), (1, 4, 4)).save(path)
        stored = read(path)
        tensors = [Tensor.of(t.name, t.read(), layer=t.layer, kind=t.kind, role=t.role, axes=t.axes) for t in stored]
        return WeightFile(tuple(tensors), stored.architecture, {"seed": 3}, {"epoch": 1, "batch": 2})


def _make_types() -> WeightFile:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2, 1, 2, 2)).astype(np.float32)
    return WeightFile(
        (
            Tensor.of("0.weight", kernel, role="weight", axes=("o", "i", "kh", "kw")),
            Tensor.of("0.bias", np.array([0.5, -0.0, np.nan, np.inf], np.float32), role="bias", axes=("o",)),
            Tensor.of("1.mean", np.arange(4.0), kind="state", role="mean", axes=("c",)),
            Tensor.of("1.batches", np.array(7), kind="state"),
            Tensor.of("1.empty", np.zeros((0, 3), np.float16), kind="state"),
            Tensor.of("0.weight", kernel * 2, kind="optimizer", role="slot", axes=("o", "i", "kh", "kw")),
            Tensor.of("2.weight", np.arange(6, dtype=np.uint16).reshape(2, 3), dtype="bfloat16", axes=("out", "in")),
        ),
        metadata={"recipe": "bright-dark", "seed": 3, "history": [{"epoch": 1, "loss": 0.25}]},
        position={"epoch": 2, "batch": 17},
    )
