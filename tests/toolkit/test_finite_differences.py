import math
from dataclasses import dataclass

import numpy as np
import pytest

from cnnkit.errors import ContractError, ShapeError
from cnnkit.finite_differences import GradientReport, GradientRow, gradient_check
from cnnkit.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)
from cnnkit.losses import L1, BinaryCrossEntropy, HalfSquaredError, SoftmaxCrossEntropy

BODY = Sequential((Conv2D(4, 3, padding=1, bias=False), BatchNorm(), ReLU(), Dropout(0.2)))
NETWORK = Sequential((Conv2D(4, 3), ReLU(), MaxPool2D(2), Residual(BODY), Flatten(), Dropout(0.5), Dense(3)))
X_SHAPE = (1, 8, 8)


@dataclass(frozen=True)
class WrongInput(Dense):
    """dx is too large by a millionth part of itself, times `factor`."""

    factor: float = 100.0

    def backward(self, context, params, cache, dy):
        dx, grads = super().backward(context, params, cache, dy)
        return dx * (1 + 1e-6 * self.factor), grads


@dataclass(frozen=True)
class WrongBias(Dense):
    def parameter_gradients(self, context, params, cache, dy):
        grads = super().parameter_gradients(context, params, cache, dy)
        return grads | {"bias": grads["bias"] * 0.5}


@dataclass(frozen=True)
class ForgetsBias(Dense):
    def parameter_gradients(self, context, params, cache, dy):
        return {"weight": super().parameter_gradients(context, params, cache, dy)["weight"]}


@dataclass(frozen=True)
class Transposed(Dense):
    def parameter_gradients(self, context, params, cache, dy):
        grads = super().parameter_gradients(context, params, cache, dy)
        return grads | {"weight": context.backend.transpose(grads["weight"], (1, 0))}


@dataclass(frozen=True)
class WrongReLU(ReLU):
    """Lets gradients pass where the value did not."""

    def backward(self, context, _params, cache, dy):
        return context.backend.where(cache > 0, dy, dy * 0.01), {}


@dataclass(frozen=True)
class NotANumber(Dense):
    def backward(self, context, params, cache, dy):
        dx, grads = super().backward(context, params, cache, dy)
        return dx * math.nan, grads


def wrong(report: GradientReport) -> list[str]:
    return [row.name for row in report.rows if not row.passed]


@pytest.mark.parametrize("seed", range(3))
def test_a_network_with_kinks_dropout_and_batch_norm_passes(backend, seed) -> None:
    report = gradient_check(NETWORK, SoftmaxCrossEntropy(), X_SHAPE, backend=backend, seed=seed, samples=5)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == [
        "x", "0.weight", "0.bias", "3.body.0.weight", "3.body.1.gamma", "3.body.1.beta", "6.weight", "6.bias",
    ]  # fmt: skip


def test_entries_one_by_one(backend) -> None:
    report = gradient_check(
        Dense(2), HalfSquaredError(), (3,), backend=backend, per_parameter=True, entries=4, training=False
    )
    assert report.passed, str(report)
    names = [row.name for row in report.rows]
    assert names[0] == "x"
    assert sum(name.startswith("weight[") for name in names) == 4
    assert names[-3:] == ["bias", "bias[0]", "bias[1]"]


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (WrongInput(3), ["x", "0.weight", "0.bias"]),
        (WrongBias(3), ["1.bias"]),
        (NotANumber(3), ["x", "0.weight", "0.bias"]),
    ],
)
def test_a_wrong_backward_pass_is_caught(backend, layer, names) -> None:
    report = gradient_check(Sequential((Dense(4), layer)), SoftmaxCrossEntropy(), (5,), backend=backend)
    assert not report.passed
    assert wrong(report) == names


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (ForgetsBias(3), "backward returns no gradient of bias, only of {weight}"),
        (Transposed(3), "backward: the gradient of weight must have shape (3, 4), got (4, 3)"),
    ],
)
def test_a_gradient_that_is_missing_or_of_another_shape_is_named(backend, layer, problem) -> None:
    with pytest.raises(ContractError) as caught:
        gradient_check(Sequential((Dense(4), layer)), SoftmaxCrossEntropy(), (5,), backend=backend)
    assert str(caught.value) == f"layer 1 ({layer.type}): {problem}"
    with pytest.raises(ContractError) as caught:
        gradient_check(layer, SoftmaxCrossEntropy(), (4,), backend=backend)
    assert str(caught.value) == f"{layer.type}: {problem}"


@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_kink_is_caught(backend, seed) -> None:
    network = Sequential((Dense(6), WrongReLU(), Dense(2)))
    report = gradient_check(network, SoftmaxCrossEntropy(), (5,), backend=backend, seed=seed)
    assert "0.weight" in wrong(report)


@pytest.mark.parametrize("seed", range(5))
def test_an_error_of_the_size_of_the_bound_decides(seed, reference) -> None:
    def check(factor: float) -> bool:
        network = Sequential((Dense(4), WrongInput(3, factor=factor)))
        return gradient_check(network, HalfSquaredError(), (5,), backend=reference, seed=seed).passed

    assert check(1.0)
    assert not check(30.0)


@pytest.mark.parametrize("distance", [3e-7, 1e-6, 1e-9, 0.3])
@pytest.mark.parametrize("side", [1, -1])
def test_a_kink_within_the_step_is_no_error(reference, distance, side) -> None:
    """The bias puts one unit's ReLU at `distance` from its kink, nearer than the first step."""
    network = Sequential((Dense(1), ReLU(), Dense(2)))
    params = {
        "0": {"weight": np.zeros((1, 2)), "bias": np.array([side * distance])},
        "2": {"weight": 1000 * np.ones((2, 1)), "bias": np.zeros(2)},
    }
    report = gradient_check(network, HalfSquaredError(), (2,), backend=reference, params=params)
    assert report.passed, str(report)


def test_gradients_that_are_zero_pass(reference) -> None:
    """A bias before BatchNorm moves nothing: both sides are rounding."""
    report = gradient_check(Sequential((Dense(3), BatchNorm())), HalfSquaredError(), (4,), backend=reference)
    assert report.passed, str(report)
    bias = next(row for row in report.rows if row.name == "0.bias")
    assert abs(bias.analytic) < 1e-12


def test_given_variables_are_used_and_not_changed(reference) -> None:
    params = {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}
    report = gradient_check(Dense(2), HalfSquaredError(), (3,), backend=reference, params=params)
    assert report.passed
    assert report.rows[0].numeric == 0  # a weight of zero lets nothing of x through
    assert not params["weight"].any()

    state = {"mean": np.full(2, 3.0), "variance": np.full(2, 4.0)}
    layer = BatchNorm()
    one, two = (
        gradient_check(layer, HalfSquaredError(), (2,), backend=reference, state=s, training=False)
        for s in (state, None)
    )
    assert one.passed
    assert two.passed
    assert one.rows[0].numeric != two.rows[0].numeric


def test_one_seed_gives_one_report(backend) -> None:
    one, two, other = (
        gradient_check(NETWORK, SoftmaxCrossEntropy(), X_SHAPE, backend=backend, seed=s) for s in (4, 4, 2**40 + 4)
    )
    assert one == two
    assert one != other


def test_one_output_stands_for_two_classes(backend) -> None:
    for loss in (BinaryCrossEntropy(), L1()):
        assert gradient_check(Dense(1), loss, (3,), backend=backend).passed
    assert gradient_check(Dense(5), SoftmaxCrossEntropy(), (3,), backend=backend, classes=2).passed


def test_a_loss_that_is_not_a_number_fails(reference) -> None:
    params = {"weight": np.full((2, 3), np.nan), "bias": np.zeros(2)}
    report = gradient_check(Dense(2), HalfSquaredError(), (3,), backend=reference, params=params)
    assert wrong(report) == ["x", "weight", "bias"]


def test_the_report_reads_as_text() -> None:
    report = GradientReport((GradientRow("x", 1.0, 1.0, 0.0, 1e-5), GradientRow("bias", 1.0, 2.0, 0.5, 1e-5)))
    assert not report.passed
    assert str(report).splitlines() == [
        "ok    x: numeric 1, analytic 1, relative error 0.0e+00 (bound 1e-05)",
        "WRONG bias: numeric 1, analytic 2, relative error 5.0e-01 (bound 1e-05)",
    ]


def test_a_network_that_does_not_fit_is_refused(reference) -> None:
    with pytest.raises(ShapeError, match=r"^layer 0 \(Conv2D\): expected x of shape"):
        gradient_check(NETWORK, SoftmaxCrossEntropy(), (64,), backend=reference)
