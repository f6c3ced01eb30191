"""Whole trainings: right backends get equal weights; each planted mistake is detected, located and explained."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.errors import ConfigError
from cnnkit.layers import BatchNorm, Residual, Sequential
from cnnkit.optimizers import Adam
from cnnkit.parity import trainings
from cnnkit.parity.check import Arena
from cnnkit.parity.mistakes.table import round_mantissa
from cnnkit.parity.trajectories import Contestant, compare_recipe, plan_training

STEPS = 8


class Wrong(NumpyBackend):
    name = "wrong"

    def __init__(self) -> None:
        super().__init__(threads=1)


class TF32(Wrong):
    def convolve(self, x, weight, *how):
        return super().convolve(*(round_mantissa(a, 10).astype(a.dtype) for a in (x, weight)), *how)


class OtherMasks(Wrong):
    def uniform(self, key, step, shape, start=0):
        return np.random.default_rng([*key, int(step), start]).random(shape, np.float32)


class AllOfTies(Wrong):
    """Each of equal values gets the whole gradient, as in old Theano."""

    def max_pool(self, x, *how):
        y, _ = super().max_pool(x, *how)
        return y, (x.copy(), y.copy())

    def max_pool_gradient(self, dy, saved, x_shape, window, stride, padding, dilation):
        (x, y), (h, w) = saved, window
        assert stride == window
        assert padding == ((0, 0), (0, 0))
        assert dilation == (1, 1)
        cover = (y.shape[2] * h, y.shape[3] * w)
        hit = x[:, :, : cover[0], : cover[1]] == np.kron(y, np.ones((1, 1, h, w)))
        dx = np.zeros(x_shape, dy.dtype)
        dx[:, :, : cover[0], : cover[1]] = hit * np.kron(dy, np.ones((1, 1, h, w)))
        return dx


class InFloat32(Wrong):
    def convolve(self, x, weight, *how):
        return super().convolve(x.astype("f4"), weight.astype("f4"), *how).astype(x.dtype)


class SummedLoss(Wrong):
    def softmax_cross_entropy(self, outputs, targets, *rest):
        loss, dy = super().softmax_cross_entropy(outputs, targets, *rest)
        return loss, dy * outputs.shape[0]


class KerasAdam(Wrong):
    """Epsilon is added before the bias correction."""

    def adam_update(self, parameter, gradient, first, second, rate, size, correction, *, epsilon, **fields):
        old_parameter = parameter.copy()
        super().adam_update(parameter, gradient, first, second, rate, size, correction, epsilon=epsilon, **fields)
        parameter[...] = old_parameter - first / ((np.sqrt(second) + epsilon) * correction) * size
        return parameter, first, second


class LostShard(Wrong):
    """Every shard is processed as if it were the first: its dropout masks repeat."""

    def shard_size(self, x_shape):
        return min(4, x_shape[0])

    def map_samples(self, function, size, *arrays, label=""):
        def repeat(_, *shards):
            return function(0, *shards)

        forward = label.startswith("forward")
        return super().map_samples(repeat if forward else function, size, *arrays, label=label)


class Diverges(Wrong):
    def exp(self, x):
        return super().exp(x) * np.nan


class Breaks(Wrong):
    def convolve_weight_gradient(self, dy, *_):
        assert dy.ndim == 4
        raise MemoryError("too large\nfor this device")


@dataclass(frozen=True)
class BiasedRunning(BatchNorm):
    """The running variance follows the biased variance of the batch."""

    def next_state(self, state, cache):
        count = cache.normalised.size // cache.mean.size
        return super().next_state(state, cache._replace(variance=cache.variance * (count - 1) / count))


@dataclass(frozen=True)
class RootPlusEpsilon(BatchNorm):
    """1 / (sqrt(variance) + epsilon)."""

    def forward(self, context, params, state, x):
        shape, axes = (1, x.shape[1], 1, 1), (0, 2, 3)
        _, cache = super().forward(context, params, state, x)
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        inverse = (1 / (np.sqrt(variance) + self.epsilon)).reshape(shape)
        normalised = (x - mean.reshape(shape)) * inverse
        y = normalised * params["gamma"].reshape(shape) + params["beta"].reshape(shape)
        return y, cache._replace(normalised=normalised, inverse=inverse)


@dataclass(frozen=True)
class NoCorrection(Adam):
    def step(self, backend, parameter, gradient, slots, scalars):
        uncorrected = {**scalars, "size": scalars["rate"], "correction": 1.0}
        return super().step(backend, parameter, gradient, slots, uncorrected)


def replace_norm(layer, norm):
    """Return the network with each BatchNorm replaced."""
    if isinstance(layer, BatchNorm):
        return norm()
    if isinstance(layer, Sequential):
        return Sequential(tuple(replace_norm(one, norm) for one in layer.layers))
    if isinstance(layer, Residual):
        return replace(
            layer, body=replace_norm(layer.body, norm), shortcut=layer.shortcut and replace_norm(layer.shortcut, norm)
        )
    return layer


def compare_with_reference(recipe, backend, dtype="float64", **replacements):
    reference = Contestant("reference", Arena(ReferenceBackend(), dtype))
    planned = plan_training(recipe, steps=STEPS)
    if "norm" in replacements:
        replacements = {"network": replace_norm(planned.network, replacements["norm"])}
    (trajectory,) = compare_recipe(
        planned, [Contestant("wrong", Arena(backend, dtype), **replacements)], reference, NumpyBackend(threads=1)
    )
    return trajectory


PLANTED = [
    ("digits-cnn", TF32(), "float32", {}, 1, "layer 0 (Conv2D)", "y",
     "convolve: the factors are rounded to TF32 or float16: 10 bits"),
    ("digits-cnn", TF32(), "float64", {}, 1, "layer 0 (Conv2D)", "y",
     "convolve: the factors are rounded to TF32 or float16: 10 bits"),
    ("digits-cnn", OtherMasks(), "float64", {}, 1, "layer 5 (Dropout)", "y", "uniform: no known mistake"),
    ("lecture-cnn", AllOfTies(), "float64", {}, 1, "layer 3 (MaxPool2D)", "dx",
     "max_pool_gradient: each of equal values gets the whole gradient"),
    ("mini-resnet", InFloat32(), "float64", {}, None, "layer 0 (Conv2D)", "y", "convolve: computes in float32"),
    ("scratch-mlp", Diverges(), "float64", {}, 1, "layer 2 (Sigmoid)", "y", "exp: gives NaN or infinity"),
    ("lecture-cnn", SummedLoss(), "float64", {}, 1, "loss", "dy", "softmax_cross_entropy: multiplied by 8"),
    ("digits-cnn", KerasAdam(), "float64", {}, None, "layer 0 (Conv2D)", "parameter of weight",
     "adam_update: epsilon is added before the bias correction"),
    ("digits-cnn", LostShard(), "float64", {}, 1, "the network as a whole", "outputs",
     "map_samples, or fused layers"),
    ("mini-resnet", Wrong(), "float64", {"norm": BiasedRunning}, 1, "layer 1 (BatchNorm)", "next variance",
     "BatchNorm: the running variance is biased"),
    ("mini-resnet", Wrong(), "float64", {"norm": RootPlusEpsilon}, 1, "layer 1 (BatchNorm)", "y",
     "BatchNorm: epsilon is added outside the square root"),
    ("digits-cnn", Wrong(), "float64", {"optimizer": NoCorrection()}, 1, "layer 0 (Conv2D)", "parameter of weight",
     "adam_update: the bias correction is missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "backend", "dtype", "replacements", "step", "place", "quantity", "explained"), PLANTED,
    ids=[f"{type(case[1]).__name__}-{case[2]}-{'-'.join(str(v) for v in case[3])}" for case in PLANTED],
)  # fmt: skip
def test_a_mistake_is_detected_located_and_explained(
    recipe, backend, dtype, replacements, step, place, quantity, explained
) -> None:
    trajectory = compare_with_reference(recipe, backend, dtype, **replacements)
    assert not trajectory.passed
    assert trajectory.divergence is not None
    assert step is None or trajectory.divergence.step == step
    assert trajectory.divergence.tensor
    first = trajectory.dissection.first
    assert (first.place, first.quantity) == (place, quantity)
    assert trajectory.dissection.explained == explained
    row = trainings.row(trajectory, ReferenceBackend())
    assert not row.passed
    assert f"exceeded its bound at step {trajectory.divergence.step} in {trajectory.divergence.tensor}" in row.problem
    assert place in row.problem
    assert row.explained == explained
    beside = {part.quantity for part in trajectory.dissection.beside}
    assert quantity in beside
    if "Conv2D" in place or "Dense" in place:  # forward, gradients and optimizer state side by side
        assert beside >= {"y", "dx", "gradient of weight", "parameter of weight", "first_moment of weight"}


def test_a_mistake_is_explained_where_parameters_have_groups() -> None:
    planned = plan_training("digits-cnn", steps=STEPS)
    options = replace(planned.options, optimizer="adam:weight_decay=0.01,decay_all=false", learning_rates={"0": 0.5})
    reference = Contestant("reference", Arena(ReferenceBackend(), "float64"))
    wrong = Contestant("wrong", Arena(KerasAdam(), "float64"))
    (trajectory,) = compare_recipe(replace(planned, options=options), [wrong], reference, NumpyBackend(threads=1))
    assert trajectory.dissection.first.place == "layer 0 (Conv2D)"
    assert trajectory.dissection.explained == "adam_update: epsilon is added before the bias correction"


def test_right_backends_end_with_equal_weights() -> None:
    for dtype in ("float32", "float64"):
        trajectory = compare_with_reference("lenet5", Wrong(), dtype)
        assert trajectory.passed
        assert trajectory.words == ""
        assert trajectory.divergence is trajectory.dissection is None
        assert len(trajectory.history) == STEPS
        assert (trajectory.nudged is not None) == (dtype == "float32")
    assert trajectory.error < 1e-12


def test_the_bound_of_float32_is_ten_times_the_effect_of_an_ulp() -> None:
    trajectory = compare_with_reference("scratch-mlp", Wrong(), "float32")
    assert trajectory.nudged is not None
    assert trajectory.bound == 10 * trajectory.nudged
    assert 1e-9 < trajectory.nudged < 1e-5
    assert trajectory.error > 0


def test_rounding_is_not_reported_as_a_mistake() -> None:
    """If nothing in the step exceeds its bound, the report must not name an operation."""
    from cnnkit.parity.trajectories.dissect import dissect

    reference = Contestant("reference", Arena(ReferenceBackend(), "float64"))
    cut = dissect(plan_training("digits-cnn", steps=2), Contestant("wrong", Arena(Wrong(), "float64")), reference, 1)
    assert cut.first is None
    assert cut.explained == "no single operation exceeds its bound in this step: training amplifies rounding"
    assert len({part.place for part in cut.quantities}) == 13
    assert all(part.passed for part in cut.quantities)


def test_a_training_that_raises_fails() -> None:
    trajectory = compare_with_reference("digits-cnn", Breaks())
    assert not trajectory.passed
    assert trajectory.words == "raised MemoryError: too large"
    assert trajectory.dissection is None


def test_every_training_is_shuffled_and_small() -> None:
    from cnnkit import recipes

    for name in recipes.with_data():
        made = plan_training(name)
        assert made.options.shuffle
        assert made.options.batch_size <= 8
        assert math.prod(made.input_shape) <= 400
        assert made.steps == 100
    assert any("Dropout" in str(plan_training(name).network) for name in recipes.with_data())


def test_an_unknown_recipe() -> None:
    with pytest.raises(ConfigError, match="lenet5"):
        plan_training("lenet")
