"""One layer on one batch, forward and backward, with every call that it makes."""

from typing import Any, NamedTuple

from cnnkit.backends.protocol import Pair
from cnnkit.layers import Context, Layer
from cnnkit.parity.check import Arena
from cnnkit.parity.recording import Call, recorded
from cnnkit.tree import Tree, flatten


class Passed(NamedTuple):
    """What a layer made of one batch: host arrays by name, and the calls that it took."""

    forward: dict[str, Any]
    backward: dict[str, Any]
    calls: list[Call]


class Given(NamedTuple):
    """What a layer is given: host arrays, and the address of its draws. dy None: forward alone."""

    step: int
    key: Pair
    params: Tree
    state: Tree
    x: Any
    dy: Any = None


def run_layer(arena: Arena, layer: Layer, given: Given) -> Passed:
    """Return y and the next state, dx and the gradients."""
    watched, calls = recorded(arena)
    context = Context(watched.backend, True, given.key, given.step)
    params, state = arena.tree(given.params), arena.tree(given.state)
    y, cache = layer.forward(context, params, state, arena.array(given.x))
    forward = {"y": arena.host(y)}
    if given.state:
        after = flatten(layer.next_state(state, cache))
        forward |= {f"next {name}": arena.host(value) for name, value in after.items()}
    if given.dy is None:
        return Passed(forward, {}, calls)
    dx, grads = layer.backward(context, params, cache, arena.array(given.dy))
    found = {"dx": dx} | {f"gradient of {name}": grad for name, grad in flatten(grads).items()}
    return Passed(forward, {name: arena.host(value) for name, value in found.items()}, calls)
