"""Taps in a network: found by the paths of layers, put in, and filled by a forward pass."""

from typing import Any

import numpy as np

from cnnkit.architecture import PlacedLayer, walk_layers
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.layers import Context, Layer
from cnnkit.layers.replacing import replace_layers
from cnnkit.layers.tap import Tap
from cnnkit.network import Network

_LISTED = 12  # paths of an error


def find_placed(model: Network, path: str, option: str) -> PlacedLayer:
    """Return the layer at a path: 0, conv1, 2.body.0. Raises ConfigError that names the option and the layers."""
    placed = list(walk_layers(model.network, model.input_shape))
    for one in placed:
        if one.path == path:
            return one
    names = ", ".join(printable(one.path, 40) for one in placed[:_LISTED])
    more = f" and {len(placed) - _LISTED} more" if len(placed) > _LISTED else ""
    raise ConfigError(f"{option}: expected a layer of the network: {names}{more}, got {printable(path, 80)}")


def put_taps(model: Network, *paths: str) -> tuple[Layer, dict[str, Tap]]:
    """Return the model's network with taps at these paths, none inside another, and the taps by path."""
    taps: dict[str, Tap] = {}

    def tap(path: str, layer: Layer) -> Layer | None:
        if path not in paths:
            return None
        taps[path] = Tap(layer)
        return taps[path]

    return replace_layers(model.network, model.input_shape, tap), taps


def run_tapped(model: Network, x: Any, *paths: str) -> dict[str, Tap]:
    """Return taps at these paths after a forward pass of samples x (N, *input_shape), scaled."""
    model.find_batch(len(x))
    network, taps = put_taps(model, *paths)
    context = Context(model.backend, keeps_caches=False, half=model.half)
    batch = model.backend.asarray(np.ascontiguousarray(x, model.array_dtype), model.array_dtype)
    with np.errstate(all="ignore"):
        network.forward(context, model.params, model.state, batch)
    return taps
