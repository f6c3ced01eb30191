import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.layers import (
    BatchNorm,
    Branches,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)
from cnnkit.tree import flatten, map_leaves

BODY = Sequential((Conv2D(4, 3, padding=1), Dropout(0.2), ReLU()))
PLAIN = Sequential((Conv2D(4, 3), ReLU(), MaxPool2D(2), Residual(BODY), Flatten(), Dropout(0.5), Dense(3)))
COUPLED = Sequential((ReLU(), Conv2D(4, 3), BatchNorm(), Residual(BODY), GlobalAvgPool2D(), Dense(5), ReLU(), Dense(3)))
MIXED = Sequential((MaxPool2D(2), Branches((Conv2D(2, 1), ReLU())), Sequential((BatchNorm(), Conv2D(2, 3))), Flatten()))
LATE = Sequential((MaxPool2D(2), Flatten(), Dense(3)))  # nothing to train before the last layer
NETWORKS = {"plain": PLAIN, "coupled": COUPLED, "mixed": MIXED, "late": LATE}
X_SHAPE = (2, 14, 14)


class SmallShards(NumpyBackend):
    """Cuts every batch of images: 20 samples into threes and a short shard at the end, and each shard again."""

    def shard_size(self, x_shape) -> int:
        return 3 if x_shape[0] > 3 else 2


def passes(arena, network, x, dy, context) -> tuple:
    params, state = (map_leaves(arena.array, tree) for tree in network.init(np.random.default_rng(0), X_SHAPE))
    y, cache = network.forward(context, params, state, arena.array(x))
    dx, grads = network.backward(context, params, cache, arena.array(dy))
    alone = network.parameter_gradients(context, params, cache, arena.array(dy))
    return y, dx, grads, alone


@pytest.fixture(params=list(NETWORKS))
def network(request) -> Sequential:
    return NETWORKS[request.param]


def batch(network: Sequential, normal, count: int = 20) -> tuple:
    return normal(count, *X_SHAPE), normal(count, *network.output_shape(X_SHAPE), seed=1)


@pytest.mark.parametrize("training", [True, False])
def test_results_do_not_depend_on_the_shards(arena, network, normal, assert_close, reference, training) -> None:
    """Against the reference, which never cuts a batch; and in shards of shards."""
    x, dy = batch(network, normal)
    whole = arena._replace(backend=reference, dtype="float64")
    wanted = passes(whole, network, x, dy, Context(reference, training, key=(1, 2), step=5))
    for backend in (arena.backend, SmallShards(threads=2)):
        here = arena._replace(backend=backend)
        found = passes(here, network, x, dy, Context(backend, training, key=(1, 2), step=5))
        assert_close(backend.to_numpy(found[0]), wanted[0], arena.dtype)
        assert_close(backend.to_numpy(found[1]), wanted[1], arena.dtype, "gradient")
        assert list(flatten(found[2])) == list(flatten(wanted[2]))
        for name, grad in flatten(wanted[2]).items():
            assert_close(backend.to_numpy(flatten(found[2])[name]), grad, arena.dtype, "gradient")


def test_the_batch_gives_what_its_samples_give_one_by_one(arena, normal, assert_close) -> None:
    x, dy = batch(PLAIN, normal)
    whole = passes(arena, PLAIN, x, dy, Context(arena.backend, True, key=(1, 2), step=5))
    host = arena.backend.to_numpy
    for i in (0, 7, 19):
        context = Context(arena.backend, True, key=(1, 2), step=5, first_sample=i)
        one = passes(arena, PLAIN, x[i : i + 1], dy[i : i + 1], context)
        assert_close(host(one[0]), host(whole[0])[i : i + 1], arena.dtype)
        assert_close(host(one[1]), host(whole[1])[i : i + 1], arena.dtype, "gradient")


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_the_parameters_alone_are_those_of_backward(arena, network, normal, training) -> None:
    x, dy = batch(network, normal)
    _, _, grads, alone = passes(arena, network, x, dy, Context(arena.backend, training, key=(1, 2)))
    params = network.init(np.random.default_rng(0), X_SHAPE).params
    assert list(flatten(alone)) == list(flatten(grads)) == list(flatten(params))
    for name, grad in flatten(grads).items():
        assert np.array_equal(arena.backend.to_numpy(flatten(alone)[name]), arena.backend.to_numpy(grad))
        assert flatten(alone)[name].dtype == arena.array(0.0).dtype


def test_running_statistics_are_those_of_the_whole_batch(arena, normal, assert_close) -> None:
    network, x = Sequential((ReLU(), BatchNorm(), ReLU(), BatchNorm())), normal(20, *X_SHAPE)
    params, state = (map_leaves(arena.array, tree) for tree in network.init(np.random.default_rng(0), X_SHAPE))
    _, cache = network.forward(Context(arena.backend, True), params, state, arena.array(x))
    after = network.next_state(state, cache)
    assert list(after) == ["1", "3"]
    assert_close(arena.backend.to_numpy(after["1"]["mean"]), 0.1 * np.maximum(x, 0).mean(axis=(0, 2, 3)), arena.dtype)


def test_an_empty_sequential_is_the_identity(arena, run, normal) -> None:
    found = run(arena, Sequential(()), normal(2, 3), dy=normal(2, 3, seed=1))
    assert np.array_equal(found.y, normal(2, 3))
    assert np.array_equal(found.dx, normal(2, 3, seed=1))
    assert found.grads == {}


def test_no_parameters_no_gradients(arena) -> None:
    context = Context(arena.backend, True)
    network = Sequential((ReLU(),))
    y, cache = network.forward(context, {}, {}, arena.array([[1.0]]))
    assert network.parameter_gradients(context, {}, cache, y) == {}


def test_a_batch_of_none(arena) -> None:
    params = map_leaves(arena.array, PLAIN.init(np.random.default_rng(0), X_SHAPE).params)
    y, _ = PLAIN.forward(Context(arena.backend), params, {}, arena.array(np.zeros((0, *X_SHAPE))))
    assert tuple(y.shape) == (0, 3)
