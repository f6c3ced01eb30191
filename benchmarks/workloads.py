"""The training steps that are timed: nets, batches, optimizer and loss, the same for cnnkit and every peer."""

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit import Model, recipes
from cnnkit.adopting.onnx import adopt_onnx
from cnnkit.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Sequential
from cnnkit.summary import summarise

CLASSES, BATCHES = 10, 16  # batches are taken in turn from so many, fewer of large images
MOST_VALUES = 1 << 22


@dataclass(frozen=True)
class Workload:
    """One net, trained on batches of random images."""

    name: str
    network: Sequential
    input_shape: tuple[int, ...]
    batch_size: int
    optimizer: str  # "adam" or "sgd"
    learning_rate: float
    loss: str  # as cnnkit names it
    adopted: bool = False  # whether cnnkit trains the graph that it adopts from the net's ONNX file

    def trained(self) -> Layer:
        """Return the network that cnnkit trains."""
        if not self.adopted:
            return self.network
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{self.name}.onnx")
            Model(self.network, self.input_shape).save(path)
            return adopt_onnx(path).network

    @property
    def flops(self) -> int:
        """Floating-point operations of a step: two per multiply-add, forward and for both gradients.

        The first layer with weights needs no gradient with respect to its input.
        """
        costs = [row.multiply_adds for row in summarise(self.network, self.input_shape).rows if row.multiply_adds]
        return 2 * self.batch_size * (3 * sum(costs) - costs[0])

    def batches(self) -> list[tuple[Any, Any]]:
        """Return images (N, C, H, W) float32 in [0, 1) and labels (N,) int64."""
        rng = np.random.default_rng(0)
        shape = (self.batch_size, *self.input_shape)
        count = max(2, min(BATCHES, MOST_VALUES // math.prod(shape)))
        return [(rng.random(shape, np.float32), rng.integers(CLASSES, size=self.batch_size)) for _ in range(count)]


def drawn(seed: int) -> Sequential:
    """Return a net of random channels, windows and widths, for which nothing has been tuned."""
    rng = np.random.default_rng(seed)
    first, second, width = int(rng.integers(5, 40)), int(rng.integers(5, 70)), int(rng.integers(30, 200))
    windows = [int(rng.integers(2, 6)) for _ in range(2)]
    layers = (
        Conv2D(first, windows[0], padding=int(rng.integers(0, 2))), ReLU(), MaxPool2D(2),
        Conv2D(second, windows[1]), ReLU(), MaxPool2D(int(rng.integers(2, 4))),
        Flatten(), Dense(width), ReLU(), Dense(CLASSES),
    )  # fmt: skip
    return Sequential(layers)


# batch size, optimizer, learning rate, loss
SETTINGS = {
    "lecture-cnn": (128, "adam", 1e-3, "softmax_cross_entropy"),
    "lenet5": (128, "adam", 1e-3, "softmax_cross_entropy"),
    "diy-cnn": (32, "sgd", 0.01, "half_squared_error"),
    "scratch-mlp": (1, "sgd", 0.005, "binary_cross_entropy:over_outputs=sum"),
    "resnet50": (8, "sgd", 1e-4, "softmax_cross_entropy"),
}


ADOPTED = ("resnet50",)


def known(name: str) -> str:
    """Return the name of a workload. Raises ArgumentTypeError for another text."""
    if name in SETTINGS or (name.startswith("drawn:") and name[6:].isdecimal()):
        return name
    raise argparse.ArgumentTypeError(f"expected {', '.join(SETTINGS)} or drawn:SEED, got {name!r}")


def workload(name: str, batch_size: int | None = None) -> Workload:
    """Return the workload of a recipe, or "drawn:SEED"."""
    if name.startswith("drawn:"):
        network, shape = drawn(int(name.partition(":")[2])), (1, 28, 28)
        return Workload(name, network, shape, batch_size or 128, "adam", 1e-3, "softmax_cross_entropy")
    network, shape = recipes.get(name).network()
    settings = SETTINGS[name]
    return Workload(name, network, shape, batch_size or settings[0], *settings[1:], adopted=name in ADOPTED)
