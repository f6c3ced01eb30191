"""Run one layer on one batch, forward and backward, and record its backend calls."""

from typing import Any, NamedTuple

from cnnkit.backends.protocol import Pair
from cnnkit.layers import Context, Layer
from cnnkit.parity.check import Arena
from cnnkit.parity.recording import Call, recorded
from cnnkit.tree import Tree, flatten


class LayerOutputs(NamedTuple):
    """The results of a layer on one batch: host arrays by name, and the recorded calls."""

    forward: dict[str, Any]
    backward: dict[str, Any]
    calls: list[Call]


class LayerInputs(NamedTuple):
    """The arguments of a layer: host arrays, and step and key of its random draws. dy None: forward only."""

    step: int
    key: Pair
    params: Tree
    state: Tree
    x: Any
    dy: Any = None


def run_layer(arena: Arena, layer: Layer, given: LayerInputs) -> LayerOutputs:
    """Return y and the next state, then dx and the gradients."""
    watched, calls = recorded(arena)
    context = Context(watched.backend, True, given.key, given.step)
    params, state = arena.tree(given.params), arena.tree(given.state)
    y, cache = layer.forward(context, params, state, arena.array(given.x))
    forward = {"y": arena.host(y)}
    if given.state:
        after = flatten(layer.next_state(state, cache))
        forward |= {f"next {name}": arena.host(value) for name, value in after.items()}
    if given.dy is None:
        return LayerOutputs(forward, {}, calls)
    dx, grads = layer.backward(context, params, cache, arena.array(given.dy))
    backward = {"dx": dx} | {f"gradient of {name}": grad for name, grad in flatten(grads).items()}
    return LayerOutputs(forward, {name: arena.host(value) for name, value in backward.items()}, calls)
