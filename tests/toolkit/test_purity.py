# ruff: noqa: ARG002
"""A step is captured only if all its parts are pure; what others do happens at every call."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from cnnkit import Model, Options, Training, load_data, purity
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.layers import Branches, Conv2D, Dense, Flatten, Layer, ReLU, Residual, Sequential
from cnnkit.layers.schema import LAYERS
from cnnkit.losses import SoftmaxCrossEntropy
from cnnkit.optimizers import SGD, Adam
from cnnkit.purity import Part, impurity

TEMPERATURE = {"t": 1.0}
SEEN: list[float] = []


@dataclass(frozen=True)
class Cooled(Layer):
    """y = x / t, t a number that others may change."""

    def output_shape(self, x_shape):
        return x_shape

    def forward(self, context, params, state, x):
        SEEN.append(float(x.shape[0]) if not isinstance(x, np.ndarray) else float(x.sum()))
        return x / TEMPERATURE["t"], None

    def backward(self, context, params, cache, dy):
        return dy / TEMPERATURE["t"], {}


@dataclass(frozen=True)
class Declared(Cooled):
    pure: ClassVar[bool] = True


@dataclass(frozen=True)
class OwnLoss(SoftmaxCrossEntropy):
    """A loss from outside."""


def test_every_part_of_cnnkit_is_pure() -> None:
    assert all(layer.pure for layer in LAYERS.values())
    assert SGD.pure
    assert Adam().pure
    assert SoftmaxCrossEntropy.pure


@pytest.mark.parametrize(
    "network",
    [
        Cooled(),
        Sequential((Dense(3), Cooled())),
        Sequential((Residual(Sequential((Conv2D(1, 1), Cooled()))), Flatten())),
        Sequential((Branches((Conv2D(1, 1), Cooled())),)),
        Residual(Conv2D(2, 1), shortcut=Cooled()),
    ],
)
def test_a_part_from_outside_is_found_wherever_it_is(network) -> None:
    assert impurity(Sequential((Dense(3),)), network, SGD()).startswith("Cooled does not say that it is pure: set pure")


def test_a_part_from_outside_may_say_that_it_is_pure() -> None:
    assert impurity(Sequential((Dense(3), Declared()))) is None
    assert impurity(OwnLoss()) is not None
    assert isinstance(Cooled(), Part)


def training(layer: Layer, **options) -> Training:
    model = Model(Sequential((Flatten(), Dense(10), layer)), (1, 8, 8), backend=NumpyBackend(threads=1), seed=1)
    return Training(model, load_data("digits"), Options(epochs=3, batch_size=64, limit=640, **options))


def test_what_a_layer_reads_may_change_between_steps() -> None:
    losses = {}
    for captures in (True, False):
        NumpyBackend.captures = captures
        TEMPERATURE["t"] = 1.0
        try:
            run, found = training(Cooled()), []
            for report in run.epochs():
                found.append(report.entry["loss"])
                TEMPERATURE["t"] *= 2
            losses[captures] = found
            assert run.not_captured is not None
        finally:
            NumpyBackend.captures = True
            TEMPERATURE["t"] = 1.0
    assert losses[True] == losses[False]


def test_a_layer_that_looks_on_sees_every_batch() -> None:
    model = Model(Sequential((Flatten(), Cooled(), Dense(4))), (1, 2, 2), backend=NumpyBackend(threads=1), seed=1)
    SEEN.clear()
    for i in range(12):
        model.outputs(np.full((1, 1, 2, 2), float(i)))
    assert [4.0 * i for i in range(12)] == SEEN


def test_a_layer_that_says_it_is_pure_is_captured() -> None:
    run = training(Declared())
    SEEN.clear()
    list(run.epochs())
    assert run.not_captured is None
    assert len(SEEN) < 12  # of 30 steps


def test_nested_combinators_are_walked_once(monkeypatch) -> None:
    """Each level that was visited twice would double the visits."""
    layer, visits = Sequential((ReLU(),)), []
    for _ in range(12):
        layer = Sequential((Residual(layer),))
        layer.output_shape((1, 4, 4))  # what a combinator derives and keeps is no part of it
    walk = purity.inner_parts
    monkeypatch.setattr(purity, "inner_parts", lambda part: visits.append(part) or walk(part))
    assert impurity(layer) is None
    assert len(visits) == 1 + 2 * 12 + 1  # each Sequential, each Residual, the ReLU
    assert not layer.couples_samples
    assert not layer.whole_batch
