"""Checks of layers and combinators: forward, backward, state."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Shape
from cnnkit.layers import Context, Layer
from cnnkit.parity.bounds import Kind
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, draw_generator, draw_normal, round_to_float32
from cnnkit.parity.layers.activations import ACTIVATIONS
from cnnkit.parity.layers.combining import COMBINING
from cnnkit.parity.layers.joining import JOINING
from cnnkit.parity.layers.normalisation import NORMALISATION
from cnnkit.parity.layers.samples import LayerCases, fit_inputs
from cnnkit.parity.layers.shaping import SHAPING
from cnnkit.parity.layers.windows import WINDOWS
from cnnkit.tree import flatten, map_leaves

LayerArguments = tuple[Layer, Shape, int, bool]  # layer, shape of a sample, samples, training

# Type -> (layer, shape of a sample): used by the parity suite and by the tests of layers.
LAYERS: LayerCases = {**WINDOWS, **SHAPING, **NORMALISATION, **ACTIVATIONS, **COMBINING, **JOINING}


def _run_pass(arena: Arena, layer: Layer, given: "PassArguments", training: bool) -> dict[str, Any]:
    """Return y, dx, the gradients and the next state of one pass, by name."""
    context = Context(arena.backend, training, key=(1, 2), step=3)
    params, state, x, dy = (
        arena.tree(given.params),
        arena.tree(given.state),
        arena.array(given.x),
        arena.array(given.dy),
    )
    y, cache = layer.forward(context, params, state, x)
    y = arena.host(y)
    dx, grads = layer.backward(context, params, cache, dy)
    after = layer.next_state(state, cache) if training else state
    return {"y": y, "dx": dx, **prefix_names("gradient of ", grads), **prefix_names("next ", after)}


class PassArguments:
    """Host values for a pass: normal parameters and inputs (positive for some layers), positive variances."""

    def __init__(self, draw: Draw, layer: Layer, x_shape: Shape, samples: int) -> None:
        rng = draw_generator(draw)
        initial = layer.init(rng, x_shape)
        self.params = map_leaves(
            lambda p: round_to_float32(p + rng.normal(scale=0.3, size=np.shape(p))), initial.params
        )
        self.state = map_leaves(lambda s: round_to_float32(s + rng.uniform(size=np.shape(s))), initial.state)
        self.x = round_to_float32(fit_inputs(layer, draw_normal(draw, samples, *x_shape)))
        self.dy = draw_normal(draw, samples, *layer.output_shape(x_shape))


def prefix_names(prefix: str, tree: Any) -> dict[str, Any]:
    """Return the arrays of a tree by prefix and dotted name."""
    return {prefix + name: array for name, array in flatten(tree).items()}


def make_case(draw: Draw, given: LayerArguments) -> Case:
    """Return the case of one layer, in training or in inference."""
    layer, x_shape, samples, training = given
    arguments = PassArguments(draw, layer, x_shape, samples)

    def run(arena: Arena) -> dict[str, Any]:
        return _run_pass(arena, layer, arguments, training)

    grads = ["dx", *prefix_names("gradient of ", arguments.params)]
    kinds: dict[str, Kind] = dict.fromkeys(grads, "gradient")
    return Case(describe(given), run, kinds=kinds)


def describe(given: LayerArguments) -> str:
    """Return the label of a case."""
    layer, x_shape, samples, training = given
    shape = ", ".join(map(str, (samples, *x_shape)))
    return f"{str(layer)[:80]}, x ({shape}), {'training' if training else 'inference'}"


def list_grid(cases: list[tuple[Layer, Shape]]) -> tuple[LayerArguments, ...]:
    """Return each layer with a batch of 3, or 37 for images large enough for shards; and of 1 where allowed."""
    arguments = []
    for layer, x_shape in cases:
        for training in (True, False):
            arguments.append((layer, x_shape, 37 if x_shape[-1] > 20 else 3, training))
            if not (training and layer.couples_samples):
                arguments.append((layer, x_shape, 1, training))
    return tuple(arguments)


CHECKS = [Check("layers", f"layer {name}", make_case, list_grid(cases), drawn=False) for name, cases in LAYERS.items()]
