"""How tests of layers run a layer, and how they ask torch.nn for the same."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from cnnkit.layers import Context, Layer
from cnnkit.tree import map_leaves


class Passed(NamedTuple):
    """What a forward and a backward pass gave, on the host."""

    y: Any
    dx: Any
    grads: dict[str, Any]
    state: dict[str, Any]


def _run(arena, layer: Layer, x, dy=None, params=None, state=None, training=True, **context) -> Passed:
    """Run the layer forward and backward; dy left out is ones."""
    backend, host = arena.backend, arena.backend.to_numpy
    params, state = map_leaves(arena.array, params or {}), map_leaves(arena.array, state or {})
    found = Context(backend, training, **context)
    y, cache = layer.forward(found, params, state, arena.array(x))
    dy = np.ones(tuple(y.shape)) if dy is None else dy
    dx, grads = layer.backward(found, params, cache, arena.array(dy))
    assert y.dtype == dx.dtype == arena.array(0.0).dtype
    after = layer.next_state(state, cache) if training else state
    return Passed(host(y), host(dx), map_leaves(host, grads), map_leaves(host, after))


@pytest.fixture(scope="session")
def run() -> Callable[..., Passed]:
    return _run


class Oracle(NamedTuple):
    y: Any
    dx: Any
    grads: dict[str, Any]


def _torch_pass(module: torch.nn.Module | Callable, x, dy, **params) -> Oracle:
    """Return y, dx and the gradients of a torch.nn module in float64, its parameters set to `params`."""
    if isinstance(module, torch.nn.Module):
        module.double()
        for name, value in params.items():
            getattr(module, name).data = torch.tensor(value)
    tx = torch.tensor(x, requires_grad=True)
    y = module(tx)
    y.backward(torch.tensor(dy))
    grads = {name: getattr(module, name).grad.numpy() for name in params}
    return Oracle(y.detach().numpy(), tx.grad.numpy(), grads)


@pytest.fixture(scope="session")
def torch_pass() -> Callable[..., Oracle]:
    return _torch_pass


@pytest.fixture(scope="session")
def agree(assert_close) -> Callable[..., None]:
    """Return the check that a pass gave what the oracle gave; `names` are ours, by the oracle's."""

    def check(arena, found: Passed, wanted: Oracle, **names: str) -> None:
        assert_close(found.y, wanted.y, arena.dtype)
        assert_close(found.dx, wanted.dx, arena.dtype, "gradient")
        assert set(found.grads) == {names.get(name, name) for name in wanted.grads}
        for name, grad in wanted.grads.items():
            assert_close(found.grads[names.get(name, name)], grad, arena.dtype, "gradient")

    return check


@pytest.fixture(scope="session")
def parameters(normal) -> Callable[..., dict[str, Any]]:
    """Return normal values in the shapes that the layer's init gives."""

    def make(layer: Layer, x_shape: tuple[int, ...]) -> dict[str, Any]:
        fresh = layer.init(np.random.default_rng(0), x_shape).params
        return {name: normal(*np.shape(value), seed=i + 10) for i, (name, value) in enumerate(fresh.items())}

    return make
