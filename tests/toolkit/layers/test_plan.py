"""Layers run as one: the results of one after the other, forward and backward, whatever follows what."""

import numpy as np
import pytest

from cnnkit.layers import (
    AvgPool2D,
    Context,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    MaxPool2D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnkit.layers.fused_layer import FusedLayer, first_together
from cnnkit.tree import map_leaves

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
    ((CONV, AvgPool2D(2), POOL), 1),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "length"), LENGTHS, ids=str)
def test_what_is_put_together(layers, length) -> None:
    layer, count = first_together(layers)
    assert count == length
    assert isinstance(layer, FusedLayer) == (length > 1)
    if length == 1:
        assert layer is layers[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("chain", CHAINS, ids=str)
def test_the_results_of_one_after_the_other(arena, normal, assert_close, chain, training) -> None:
    shape, network = (2, 9, 8), Sequential(chain)
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
