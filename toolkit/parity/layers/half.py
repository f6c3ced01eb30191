"""Checks of layers in half precision: parameters and gradients in float32 around a pass in a 16-bit type.

Parameters and arguments are numbers of bfloat16, which float16 holds too, so that what is measured is the layer.
"""

from typing import Any

import numpy as np

from cnnkit.layers import Context, Layer, MaxPool2D, ReLU
from cnnkit.layers.half_layer import backward, forward, next_state, widen
from cnnkit.parity.bounds import Kind
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw
from cnnkit.parity.layers.checks import LAYERS, LayerArguments, PassArguments, describe, list_grid, prefix_names
from cnnkit.precision import HALF, round_values
from cnnkit.purity import Part, inner_parts
from cnnkit.tree import map_leaves


def make_half_case(draw: Draw, given: LayerArguments) -> Case:
    """Return the case of one layer, in training or in inference."""
    layer, x_shape, samples, training = given
    arguments = PassArguments(draw, layer, x_shape, samples)
    arguments.params, arguments.state = map_leaves(_round, arguments.params), map_leaves(_round, arguments.state)
    arguments.x, arguments.dy = _round(arguments.x), _round(arguments.dy)
    smooth = not _has_kink(layer)

    def run(arena: Arena) -> dict[str, Any]:
        return _run_pass(arena, layer, arguments, training, smooth)

    kinds: dict[str, Kind] = dict.fromkeys(["dx", *prefix_names("gradient of ", arguments.params)], "gradient")
    return Case(describe(given), run, kinds=kinds)


def _round(values: Any) -> Any:
    return round_values(values, "bfloat16").astype(np.float64)


def _run_pass(arena: Arena, layer: Layer, given: PassArguments, training: bool, gradients: bool) -> dict[str, Any]:
    """Return y, the next state, and perhaps dx and the gradients of one pass, by name."""
    half = arena.dtype if arena.dtype in HALF else None
    context = Context(arena.backend, training, key=(1, 2), step=3, half=half)
    params, state = arena.tree(given.params), arena.tree(given.state)
    y, cache = forward(layer, context, params, state, arena.array(given.x))
    after = next_state(layer, state, cache) if training else state
    results = {"y": arena.host(_widen(arena, y)), **prefix_names("next ", after)}
    if gradients:
        dx, grads = backward(layer, context, params, cache, arena.array(given.dy))
        results |= {"dx": _widen(arena, dx), **prefix_names("gradient of ", grads)}
    return results


def _widen(arena: Arena, values: Any) -> Any:
    return widen(arena.backend, values) if arena.dtype in HALF else values


def _has_kink(part: Part) -> bool:
    """Return whether a combinator has a layer whose gradient jumps where rounding moves its input across a kink."""
    return any(isinstance(inner, ReLU | MaxPool2D) or _has_kink(inner) for inner in inner_parts(part))


HALF_CHECKS = [
    Check("half precision", f"half layer {name}", make_half_case, list_grid(cases), drawn=False)
    for name, cases in LAYERS.items()
]
