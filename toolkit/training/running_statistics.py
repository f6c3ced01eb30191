"""Running statistics of a network whose weights no training step has had, such as averaged ones."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from cnnkit.backends.protocol import Array, Backend, Pair, Shape
from cnnkit.layers import BatchNorm, Context, Layer
from cnnkit.layers.frozen_layer import FrozenLayer
from cnnkit.layers.replacing import replace_layers
from cnnkit.tree import Tree, flatten, unflatten


def has_statistics(network: Layer, input_shape: Shape) -> bool:
    """Return whether a layer keeps running statistics that move."""
    return bool(_measure_batches(network, input_shape)[1])


def recompute(
    backend: Backend, network: Layer, input_shape: Shape, params: Tree, state: Tree, batches: Iterable[Any], key: Pair
) -> Tree:
    """Return the state with the mean of the batches' statistics for the running ones of each BatchNorm.

    As torch.optim.swa_utils.update_bn: in training mode, each batch counts the same. What other layers keep stays. A
    BatchNorm that a graph uses several times gets the statistics of its last use.

    batches: x (N, *input_shape) each. key: of the random draws in layers; the context's step counts the batches.
    """
    measuring, norms = _measure_batches(network, input_shape)
    mean: dict[str, Array] = {}
    for count, x in enumerate(batches):
        context = Context(backend, training=True, key=key, step=count)
        _, cache = measuring.forward(context, params, state, x)
        found = flatten(measuring.next_state(state, cache))
        mean = {name: _add(mean.get(name), found[name], count) for name in found if name.startswith(norms)}
    return unflatten(flatten(state) | mean)


def _add(mean: Array | None, array: Array, count: int) -> Array:
    return array * 1 if mean is None else mean * (count / (count + 1)) + array * (1 / (count + 1))


def _measure_batches(network: Layer, input_shape: Shape) -> tuple[Layer, tuple[str, ...]]:
    """Return the network whose next_state has the statistics of the batch alone, and how their names begin."""
    norms: list[str] = []

    def measure(path: str, layer: Layer) -> Layer | None:
        if isinstance(layer, FrozenLayer) and not layer.still and isinstance(layer.layer, BatchNorm):
            norms.append(f"{path}.state.")
            return FrozenLayer(dataclasses.replace(layer.layer, momentum=1.0), still=False)
        if isinstance(layer, BatchNorm):
            norms.append(f"{path}.")
            return dataclasses.replace(layer, momentum=1.0)
        return None

    return replace_layers(network, input_shape, measure), tuple(norms)
