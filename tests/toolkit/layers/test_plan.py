"""A plan gives the results of its layers one after the other; its passes and what they make are tested alone."""

import numpy as np
import pytest

from cnnkit.errors import ShapeError
from cnnkit.layers import (
    AvgPool2D,
    BatchNorm,
    Context,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnkit.layers.fused_layer import FusedLayer, fuse_first
from cnnkit.layers.named_layer import NamedLayer
from cnnkit.layers.parameters_only import ParametersOnly
from cnnkit.layers.plan import fuse, make_plan, shard, skip_input_gradients
from cnnkit.layers.sharded_layers import ShardedLayers
from cnnkit.tree import flatten, map_leaves

CONV, BARE, POOL = Conv2D(3, 3), Conv2D(3, 3, bias=False), MaxPool2D(2)
SPREAD = MaxPool2D(3, stride=2, padding=1)
CHAINS = [
    (CONV, ReLU()), (CONV, POOL), (CONV, ReLU(), POOL), (CONV, Sigmoid(), POOL), (CONV, Tanh(), SPREAD),
    (ConvTranspose2D(3, 2), ReLU(), SPREAD), (CONV, ReLU(), POOL, ReLU()), (CONV, POOL, Sigmoid(), POOL),
]  # fmt: skip
LENGTHS = [
    ((CONV, ReLU(), POOL), 3), ((CONV, Sigmoid(), POOL), 3), ((CONV, POOL, ReLU()), 2), ((CONV, ReLU(), Sigmoid()), 2),
    ((CONV, ReLU(), AvgPool2D(2)), 2), ((CONV, Sigmoid(), ReLU()), 1), ((CONV, Dropout(), POOL), 1),
    ((CONV, Softmax(), POOL), 1), ((BARE, ReLU(), POOL), 1), ((CONV,), 1), ((POOL, ReLU()), 1), ((Dense(3), ReLU()), 2),
    ((CONV, AvgPool2D(2), POOL), 1), ((Conv1D(3, 3), ReLU(), MaxPool1D(2)), 3), ((Conv3D(3, 3), MaxPool3D(2)), 2),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "length"), LENGTHS, ids=str)
def test_which_layers_are_fused(layers, length) -> None:
    layer, count = fuse_first(layers)
    assert count == length
    assert isinstance(layer, FusedLayer) == (length > 1)
    if length == 1:
        assert layer is layers[0]


OTHER_RANKS = [
    (Conv1D(3, 3), ReLU(), MaxPool1D(3, stride=2, padding=1, dilation=2)),
    (Conv3D(3, 2), ReLU(), MaxPool3D(2, ceil_mode=True)),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("chain", CHAINS + OTHER_RANKS, ids=str)
def test_the_results_of_one_after_the_other(arena, normal, assert_close, chain, training) -> None:
    shape, network = {1: (2, 9), 2: (2, 9, 8), 3: (2, 5, 4, 6)}[chain[0].rank], Sequential(chain)
    params = map_leaves(arena.array, network.init(np.random.default_rng(0), shape).params)
    params["0"]["bias"] = arena.array(normal(3, seed=5))
    x, context = arena.array(normal(5, *shape)), Context(arena.backend, training)
    y, caches = x, []
    for i, layer in enumerate(chain):
        y, cache = layer.forward(context, params.get(str(i), {}), {}, y)
        caches.append(cache)
    dy = dx = arena.array(normal(*y.shape, seed=1))
    for i in reversed(range(len(chain))):
        dx, grads = chain[i].backward(context, params.get(str(i), {}), caches[i], dx)
    got, cache = network.forward(context, params, {}, x)
    got_dx, got_grads = network.backward(context, params, cache, dy)
    host = arena.backend.to_numpy
    assert_close(host(got), host(y), arena.dtype)
    assert_close(host(got_dx), host(dx), arena.dtype, "gradient")
    for name, grad in grads.items():
        assert_close(host(got_grads["0"][name]), host(grad), arena.dtype, "gradient")


def named(*layers) -> tuple[NamedLayer, ...]:
    return tuple(NamedLayer(str(i), layer) for i, layer in enumerate(layers))


def test_fusing_keeps_the_name_of_the_first() -> None:
    relu, pooled, dense, last = fuse(named(ReLU(), CONV, ReLU(), POOL, Dense(3), Tanh()))
    assert (relu, dense, last) == (NamedLayer("0", ReLU()), NamedLayer("4", Dense(3)), NamedLayer("5", Tanh()))
    assert pooled == NamedLayer("1", FusedLayer(CONV, POOL, True, None))


def test_neighbours_are_sharded_unless_they_meet_the_whole_batch() -> None:
    chain = named(CONV, ReLU(), BatchNorm(), Flatten(), Dense(3), Tanh())
    apart = (ShardedLayers(chain[:2]), chain[2], ShardedLayers(chain[3:4]), chain[4], ShardedLayers(chain[5:]))
    assert shard(chain, stateful=(), training=True) == apart
    assert shard(chain, stateful=(), training=False) == (ShardedLayers(chain[:4]), *apart[3:])
    assert shard(chain, stateful=("1",), training=False)[:2] == (ShardedLayers(chain[:1]), chain[1])
    assert shard((), stateful=(), training=True) == ()


def test_no_gradient_goes_below_the_first_parameters() -> None:
    relu, conv, dense = named(ReLU(), CONV, Dense(3))
    planned = (ShardedLayers((relu, conv)), dense)
    assert skip_input_gradients(planned, ("1", "2")) == (ParametersOnly(ShardedLayers((ParametersOnly(conv),))), dense)
    assert skip_input_gradients(planned, ("2",)) == (ParametersOnly(dense),)
    assert skip_input_gradients(planned, ()) == ()


def test_a_plan_is_all_passes() -> None:
    plan = make_plan((POOL, CONV, ReLU(), BatchNorm()), training=True, params=("1", "3"), state=("3",))
    fused, norm = NamedLayer("1", FusedLayer(CONV, None, True, None)), NamedLayer("3", BatchNorm())
    assert plan.layers == (ShardedLayers((NamedLayer("0", POOL), fused)), norm)
    assert plan.gradient_layers == (ParametersOnly(ShardedLayers((ParametersOnly(fused),))), norm)


def passes(arena, layer, params, x, dy) -> dict:
    context, host = Context(arena.backend, True, key=(1, 2)), arena.backend.to_numpy
    y, cache = layer.forward(context, params, {}, x)
    assert tuple(y.shape[1:]) == layer.output_shape(tuple(x.shape[1:]))
    dx, grads = layer.backward(context, params, cache, dy)
    alone = layer.parameter_gradients(context, params, cache, dy)
    assert all(
        np.array_equal(host(a), host(b)) for a, b in zip(flatten(alone).values(), flatten(grads).values(), strict=True)
    )
    return {"y": host(y), "dx": host(dx)} | {name: host(grad) for name, grad in flatten(grads).items()}


def test_shards_give_what_the_whole_batch_gives(arena, normal, assert_close, monkeypatch) -> None:
    chain = named(CONV, Dropout(0.4), Tanh())
    params = {"0": map_leaves(arena.array, CONV.init(np.random.default_rng(0), (2, 6, 6)).params)}
    x, dy = arena.array(normal(7, 2, 6, 6)), arena.array(normal(7, 3, 4, 4, seed=1))
    results = []
    for size in (7, 3, 1):
        monkeypatch.setattr(arena.backend, "shard_size", lambda _, size=size: size)
        results.append(passes(arena, ShardedLayers(chain), params, x, dy))
    for other in results[1:]:
        for name, wanted in results[0].items():
            assert_close(other[name], wanted, arena.dtype, "gradient")


def test_a_layer_without_input_gradient_gives_its_gradients_and_dy(arena, normal) -> None:
    dense, context = Dense(3), Context(arena.backend, True)
    params = map_leaves(arena.array, dense.init(np.random.default_rng(0), (4,)).params)
    y, cache = ParametersOnly(dense).forward(context, params, {}, arena.array(normal(2, 4)))
    dy = arena.array(normal(2, 3))
    dx, grads = ParametersOnly(dense).backward(context, params, cache, dy)
    wanted = dense.backward(context, params, cache, dy)[1]
    assert dx is dy
    assert ParametersOnly(dense).output_shape((4,)) == tuple(y.shape[1:])
    assert all(np.array_equal(arena.backend.to_numpy(grads[k]), arena.backend.to_numpy(wanted[k])) for k in params)


def test_a_named_layer_reads_and_writes_under_its_name(arena) -> None:
    norm = NamedLayer("3", BatchNorm())
    params, state = (map_leaves(arena.array, {"3": tree}) for tree in BatchNorm().init(np.random.default_rng(0), (1,)))
    x = arena.array([[1.0], [3.0]])
    _, cache = norm.forward(Context(arena.backend, True), params, state, x)
    assert list(norm.backward(Context(arena.backend, True), params, cache, x)[1]) == ["3"]
    assert arena.backend.to_numpy(norm.next_state(state | {"5": x}, cache)["3"]["mean"]) == pytest.approx([0.2])
    with pytest.raises(ShapeError, match="layer 3"):
        norm.forward(Context(arena.backend, True), params, state, x[:1])
    with pytest.raises(ShapeError, match="layer 3"):
        norm.output_shape((1,) * 5)
