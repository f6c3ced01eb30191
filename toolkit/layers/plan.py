"""What makes Sequential fast: passes that rewrite a chain of layers into fewer, larger ones with the same results.

Each pass is a function from layers to layers. A chain consists of NamedLayers, which find their arrays in the parent's
trees by name; the result of a pass is again a tuple of layers.
"""

from collections.abc import Collection
from typing import NamedTuple

from cnnkit.layers.base import Layer
from cnnkit.layers.frozen_layer import stands_still
from cnnkit.layers.fused_layer import fuse_first
from cnnkit.layers.named_layer import NamedLayer
from cnnkit.layers.parameters_only import ParametersOnly
from cnnkit.layers.sharded_layers import ShardedLayers


class Plan(NamedTuple):
    """The layers that run in place of a chain, and those of them that give the parameters' gradients alone."""

    layers: tuple[Layer, ...]
    gradient_layers: tuple[Layer, ...]


def make_plan(layers: tuple[Layer, ...], training: bool, params: Collection[str], state: Collection[str]) -> Plan:
    """Return the plan of a chain whose children with parameters and with state have these names."""
    chain = fuse(tuple(NamedLayer(str(i), layer) for i, layer in enumerate(layers)))
    planned = shard(chain, stateful=state if training else (), training=training)
    return Plan(planned, skip_input_gradients(planned, params))


def fuse(chain: tuple[NamedLayer, ...]) -> tuple[NamedLayer, ...]:
    """Run a bias, the activation after it and the pooling after that as one layer, under the name of the first."""
    fused: list[NamedLayer] = []
    while chain:
        layer, count = fuse_first(tuple(named.layer for named in chain[:3]))
        fused.append(NamedLayer(chain[0].name, layer))
        chain = chain[count:]
    return tuple(fused)


def shard(chain: tuple[NamedLayer, ...], stateful: Collection[str], training: bool) -> tuple[Layer, ...]:
    """Run neighbours on shards of the batch, unless they couple samples, are `stateful`, or prefer one call."""
    planned: list[Layer] = []
    run: tuple[NamedLayer, ...] = ()
    for named in chain:
        moves = named.name in stateful and not stands_still(named.layer)
        if named.layer.whole_batch or moves or (training and named.layer.couples_samples):
            planned += [ShardedLayers(run), named] if run else [named]
            run = ()
        else:
            run = (*run, named)
    return (*planned, ShardedLayers(run)) if run else tuple(planned)


def skip_input_gradients(layers: tuple[Layer, ...], params: Collection[str]) -> tuple[Layer, ...]:
    """Return the layers from the first one with parameters on, which need not find the gradient in its input."""
    for i, layer in enumerate(layers):
        if isinstance(layer, ShardedLayers):
            trained = skip_input_gradients(layer.layers, params)
            if trained:
                return (ParametersOnly(ShardedLayers(trained)), *layers[i + 1 :])
        elif isinstance(layer, NamedLayer) and layer.name in params:
            return (ParametersOnly(layer), *layers[i + 1 :])
    return ()
