"""Layers that treat samples one by one, run on shards of the batch that fit the backend's caches and threads."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.tree import Tree, map_leaves


class ShardedCache(NamedTuple):
    """What the layers need for the backward pass of each shard."""

    size: int  # samples per shard
    shards: list[list[Any]]  # the layers' caches, for each shard


@dataclass(frozen=True)
class ShardedLayers(Layer):
    """y = layers[-1](... layers[0](x)) through the backend's map_samples; gradients are added in the shards' order.

    A batch of rows (N, F) is one shard.
    """

    layers: tuple[Layer, ...]

    @functools.cached_property
    def _label(self) -> str:
        return repr(self.layers)

    def output_shape(self, x_shape: Shape) -> Shape:
        for layer in self.layers:
            x_shape = layer.output_shape(x_shape)
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        def run(first: int, x: Array) -> tuple[Array, list[Any]]:
            inner, caches = context.shifted(first), []
            for layer in self.layers:
                x, cache = layer.forward(inner, params, state, x)
                caches.append(cache if context.keeps_caches else None)
            return x, caches

        if x.ndim <= 2:
            y, caches = run(0, x)
            return y, ShardedCache(x.shape[0], [caches])
        size = context.backend.shard_size(x.shape)
        results = context.backend.map_samples(run, size, x, label=f"forward {self._label}")
        y = results[0][0] if len(results) == 1 else context.backend.concatenate([y for y, _ in results])
        return y, ShardedCache(size, [caches for _, caches in results])

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dxs, grads = self._backward(context, params, cache, dy)
        return dxs[0] if len(dxs) == 1 else context.backend.concatenate(dxs), grads

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        return self._backward(context, params, cache, dy)[1]

    def _backward(self, context: Context, params: Tree, cache: ShardedCache, dy: Array) -> tuple[list[Array], Tree]:
        """Return each shard's dx, and the sum of their gradients."""

        def run(first: int, dy: Array) -> tuple[Array, Tree]:
            inner, grads = context.shifted(first), dict[str, Any]()
            caches = cache.shards[first // cache.size if first else 0]
            for layer, layer_cache in zip(reversed(self.layers), reversed(caches), strict=False):  # of the last layers
                dy, layer_grads = layer.backward(inner, params, layer_cache, dy)
                grads |= layer_grads
            return dy, grads

        if len(cache.shards) == 1:
            results = [run(0, dy)]
        else:
            results = context.backend.map_samples(run, cache.size, dy, label=f"backward {self._label}")
        total = results[0][1]
        for _, grads in results[1:]:
            total = map_leaves(lambda a, b: a + b, total, grads)
        return [dx for dx, _ in results], total
