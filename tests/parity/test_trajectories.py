"""Whole trainings: right ones end together; each planted mistake is seen, located and explained."""

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
from cnnkit.parity.mistakes.table import mantissa
from cnnkit.parity.trajectories import Contestant, compare_recipe, plan

STEPS = 8


class Wrong(NumpyBackend):
    name = "wrong"

    def __init__(self) -> None:
        super().__init__(threads=1)


class TF32(Wrong):
    def conv2d(self, x, weight, *how):
        return super().conv2d(*(mantissa(a, 10).astype(a.dtype) for a in (x, weight)), *how)


class OtherMasks(Wrong):
    def uniform(self, key, step, shape, start=0):
        return np.random.default_rng([*key, int(step), start]).random(shape, np.float32)


class AllOfTies(Wrong):
    """Every one of equal values gets the whole gradient, as in old Theano."""

    def max_pool2d(self, x, *how):
        y, _ = super().max_pool2d(x, *how)
        return y, (x.copy(), y.copy())

    def max_pool2d_gradient(self, dy, saved, x_shape, window, stride, padding):
        (x, y), (h, w) = saved, window
        assert stride == window
        assert padding == ((0, 0), (0, 0))
        cover = (y.shape[2] * h, y.shape[3] * w)
        hit = x[:, :, : cover[0], : cover[1]] == np.kron(y, np.ones((1, 1, h, w)))
        dx = np.zeros(x_shape, dy.dtype)
        dx[:, :, : cover[0], : cover[1]] = hit * np.kron(dy, np.ones((1, 1, h, w)))
        return dx


class InFloat32(Wrong):
    def conv2d(self, x, weight, *how):
        return super().conv2d(x.astype("f4"), weight.astype("f4"), *how).astype(x.dtype)


class SummedLoss(Wrong):
    def softmax_cross_entropy(self, outputs, targets, label_smoothing=0.0):
        loss, dy = super().softmax_cross_entropy(outputs, targets, label_smoothing)
        return loss, dy * outputs.shape[0]


class KerasAdam(Wrong):
    """Epsilon before the bias correction."""

    def adam_update(self, parameter, gradient, first, second, rate, size, correction, *, epsilon, **fields):
        kept = parameter.copy()
        super().adam_update(parameter, gradient, first, second, rate, size, correction, epsilon=epsilon, **fields)
        parameter[...] = kept - first / ((np.sqrt(second) + epsilon) * correction) * size
        return parameter, first, second


class LostShard(Wrong):
    """The second shard of a batch is worked on as if it were the first: its masks repeat."""

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
    def conv2d_weight_gradient(self, dy, *_):
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


def with_norm(layer, norm):
    """Return a network with another BatchNorm everywhere."""
    if isinstance(layer, BatchNorm):
        return norm()
    if isinstance(layer, Sequential):
        return Sequential(tuple(with_norm(one, norm) for one in layer.layers))
    if isinstance(layer, Residual):
        return replace(
            layer, body=with_norm(layer.body, norm), shortcut=layer.shortcut and with_norm(layer.shortcut, norm)
        )
    return layer


def judged(recipe, backend, dtype="float64", **own):
    judge = Contestant("reference", Arena(ReferenceBackend(), dtype))
    planned = plan(recipe, steps=STEPS)
    if "norm" in own:
        own = {"network": with_norm(planned.network, own["norm"])}
    (found,) = compare_recipe(
        planned, [Contestant("wrong", Arena(backend, dtype), **own)], judge, NumpyBackend(threads=1)
    )
    return found


PLANTED = [
    ("digits-cnn", TF32(), "float32", {}, 1, "layer 0 (Conv2D)", "y",
     "conv2d: the factors are rounded to TF32 or float16: 10 bits"),
    ("digits-cnn", TF32(), "float64", {}, 1, "layer 0 (Conv2D)", "y",
     "conv2d: the factors are rounded to TF32 or float16: 10 bits"),
    ("digits-cnn", OtherMasks(), "float64", {}, 1, "layer 5 (Dropout)", "y", "uniform: no known mistake"),
    ("lecture-cnn", AllOfTies(), "float64", {}, 1, "layer 3 (MaxPool2D)", "dx",
     "max_pool2d_gradient: each of equal values gets the whole gradient"),
    ("mini-resnet", InFloat32(), "float64", {}, None, "layer 0 (Conv2D)", "y", "conv2d: computes in float32"),
    ("scratch-mlp", Diverges(), "float64", {}, 1, "layer 2 (Sigmoid)", "y", "exp: gives NaN or infinity"),
    ("lecture-cnn", SummedLoss(), "float64", {}, 1, "loss", "dy", "softmax_cross_entropy: multiplied by 8"),
    ("digits-cnn", KerasAdam(), "float64", {}, None, "layer 0 (Conv2D)", "parameter of weight",
     "adam_update: epsilon stands before the bias correction"),
    ("digits-cnn", LostShard(), "float64", {}, 1, "the network as a whole", "outputs",
     "map_samples, or layers in one go"),
    ("mini-resnet", Wrong(), "float64", {"norm": BiasedRunning}, 1, "layer 1 (BatchNorm)", "next variance",
     "BatchNorm: the running variance is the biased one"),
    ("mini-resnet", Wrong(), "float64", {"norm": RootPlusEpsilon}, 1, "layer 1 (BatchNorm)", "y",
     "BatchNorm: epsilon is added outside of the square root"),
    ("digits-cnn", Wrong(), "float64", {"optimizer": NoCorrection()}, 1, "layer 0 (Conv2D)", "parameter of weight",
     "adam_update: the bias correction is left out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "backend", "dtype", "own", "step", "place", "quantity", "explained"), PLANTED,
    ids=[f"{type(case[1]).__name__}-{case[2]}-{'-'.join(str(v) for v in case[3])}" for case in PLANTED],
)  # fmt: skip
def test_a_mistake_is_seen_located_and_explained(recipe, backend, dtype, own, step, place, quantity, explained) -> None:
    found = judged(recipe, backend, dtype, **own)
    assert not found.passed
    assert found.parting is not None
    assert step is None or found.parting.step == step
    assert found.parting.tensor
    first = found.dissection.first
    assert (first.place, first.quantity) == (place, quantity)
    assert found.dissection.explained == explained
    row = trainings.row(found, ReferenceBackend())
    assert not row.passed
    assert f"left its bound at step {found.parting.step} in {found.parting.tensor}" in row.problem
    assert place in row.problem
    assert row.explained == explained
    beside = {part.quantity for part in found.dissection.beside}
    assert quantity in beside
    if "Conv2D" in place or "Dense" in place:  # forward, gradients and optimizer state side by side
        assert beside >= {"y", "dx", "gradient of weight", "parameter of weight", "first_moment of weight"}


def test_right_backends_end_together() -> None:
    for dtype in ("float32", "float64"):
        found = judged("lenet5", Wrong(), dtype)
        assert found.passed
        assert found.words == ""
        assert found.parting is found.dissection is None
        assert len(found.history) == STEPS
        assert (found.nudged is not None) == (dtype == "float32")
    assert found.error < 1e-12


def test_the_bound_of_float32_is_ten_times_what_an_ulp_does() -> None:
    found = judged("scratch-mlp", Wrong(), "float32")
    assert found.nudged is not None
    assert found.bound == 10 * found.nudged
    assert 1e-9 < found.nudged < 1e-5
    assert found.error > 0


def test_the_slowly_growing_difference_of_rounding_is_told_from_a_mistake() -> None:
    """Nothing in the step is beyond its bound: whoever reads shall not look for a wrong operation."""
    from cnnkit.parity.trajectories.dissect import dissect

    judge = Contestant("reference", Arena(ReferenceBackend(), "float64"))
    cut = dissect(plan("digits-cnn", steps=2), Contestant("wrong", Arena(Wrong(), "float64")), judge, 1)
    assert cut.first is None
    assert cut.explained == "no single operation leaves its bound in this step: rounding, which training amplifies"
    assert len({part.place for part in cut.parts}) == 13
    assert all(part.passed for part in cut.parts)


def test_whoever_breaks_off_has_failed() -> None:
    found = judged("digits-cnn", Breaks())
    assert not found.passed
    assert found.words == "raised MemoryError: too large"
    assert found.dissection is None


def test_every_training_is_shuffled_and_small() -> None:
    from cnnkit import recipes

    for name in recipes.names():
        made = plan(name)
        assert made.options.shuffle
        assert made.options.batch_size <= 8
        assert made.input_shape[1:] in ((8, 8), (12, 12))
        assert made.steps == 100
    assert any("Dropout" in str(plan(name).network) for name in recipes.names())


def test_a_recipe_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="lenet5"):
        plan("lenet")
