"""Whole trainings compared with torch.nn modules, autograd and torch.optim, on the same batches, in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from cnnkit import Model, Options, Training, load_data
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.data import Dataset, Split
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Sequential, Sigmoid

STEPS = 20


def half_squared_error(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return ((outputs - nn.functional.one_hot(labels, 10)) ** 2).sum() / 2 / len(labels)


def binary_cross_entropy(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    targets = nn.functional.one_hot(labels, 10).double()
    return nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(labels)


CASES: dict[str, tuple[list[Layer], list[nn.Module], dict, Callable, Callable]] = {
    "one convolution, sigmoids, one sample at a time": (
        [Conv2D(4, 3), Sigmoid(), MaxPool2D(2), Flatten(), Dense(10), Sigmoid()],
        [nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10), nn.Sigmoid()],
        {"batch_size": 1, "optimizer": "sgd", "learning_rate": 0.1, "loss": "half_squared_error"},
        half_squared_error,
        lambda p: torch.optim.SGD(p, 0.1),
    ),
    "two dense layers, momentum": (
        [Flatten(), Dense(20), Sigmoid(), Dense(10)],
        [nn.Flatten(), nn.Linear(64, 20), nn.Sigmoid(), nn.Linear(20, 10)],
        {"optimizer": "sgd:momentum=0.9", "learning_rate": 0.2, "loss": "binary_cross_entropy:over_outputs=sum"},
        binary_cross_entropy,
        lambda p: torch.optim.SGD(p, 0.2, momentum=0.9),
    ),
    "two convolutions, batch normalisation, Adam": (
        [Conv2D(4, 3, padding=1, bias=False), BatchNorm(), ReLU(), MaxPool2D(2), Conv2D(6, 2), ReLU(), Flatten(),
         Dense(10)],
        [nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2),
         nn.ReLU(), nn.Flatten(), nn.Linear(54, 10)],
        {"optimizer": "adam", "learning_rate": 0.01},
        nn.functional.cross_entropy,
        lambda p: torch.optim.Adam(p, 0.01),
    ),
}  # fmt: skip
THEIR_NAME = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


@pytest.mark.parametrize("case", CASES)
def test_a_training_is_that_of_torch(case: str) -> None:
    layers, modules, settings, loss, optimizer = CASES[case]
    digits = load_data("digits")
    options = Options(epochs=1, shuffle=False, **{"batch_size": 8} | settings)
    few = STEPS * options.batch_size
    data = Dataset("few", Split(digits.train.images[:few], digits.train.labels[:few]), None, digits.class_names,
                   (1, 8, 8), digits.scaling)  # fmt: skip
    model = Model(Sequential(tuple(layers)), (1, 8, 8), backend=NumpyBackend(), dtype="float64")
    net = nn.Sequential(*modules).double()
    theirs = dict(net.state_dict())
    for name, values in model.weights.items():
        layer, _, field = name.partition(".")
        theirs[f"{layer}.{THEIR_NAME.get(field, field)}"].copy_(torch.from_numpy(values))
    losses = [report.entry["loss"] for report in Training(model, data, options).epochs()]

    step, total = optimizer(net.parameters()), 0.0
    x, y = data.batch("train", np.arange(few), "float64")
    for start in range(0, few, options.batch_size):
        part = slice(start, start + options.batch_size)
        step.zero_grad()
        value = loss(net(torch.from_numpy(x[part])), torch.from_numpy(y[part]))
        value.backward()
        step.step()
        total += value.item() / STEPS
    assert losses[0] == pytest.approx(total, abs=1e-10)
    for name, values in model.weights.items():
        layer, _, field = name.partition(".")
        wanted = net.state_dict()[f"{layer}.{THEIR_NAME.get(field, field)}"].numpy()
        assert np.abs(values - wanted).max() < 1e-9, name


def test_the_comparison_can_fail() -> None:
    """Another epsilon in one layer is detected."""
    layers, *rest = CASES["two convolutions, batch normalisation, Adam"]
    CASES["wrong"] = ([layers[0], BatchNorm(epsilon=1e-4), *layers[2:]], *rest)
    try:
        with pytest.raises(AssertionError):
            test_a_training_is_that_of_torch("wrong")
    finally:
        del CASES["wrong"]
