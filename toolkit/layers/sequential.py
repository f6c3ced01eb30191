"""Sequential: layers one after the other."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers.base import Context, Layer, Variables, require_layers
from cnnkit.layers.fused_layer import first_together
from cnnkit.tree import Tree, child, map_leaves


class _Unit(NamedTuple):
    """What is run in one go: child number `first`, perhaps with those after it."""

    first: int
    layer: Layer

    @property
    def name(self) -> str:
        return str(self.first)


class _Run(NamedTuple):
    """Units that meet the batch together: in shards if it holds images and none couples samples; `name` says which."""

    units: tuple[_Unit, ...]
    separable: bool
    name: str


class _RunCache(NamedTuple):
    size: int  # samples a shard
    shards: dict[int, list[Any]]  # the units' caches, by the shard's first sample


@dataclass(frozen=True)
class Sequential(Layer):
    """y = layers[-1](... layers[1](layers[0](x))); child k is named "k".

    Each run of children that treat samples one by one goes through the backend's map_samples, so that a backend may
    work in pieces that fit its caches; the pieces' gradients are added in order.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        require_layers(self.type, "layers", self.layers)

    @functools.cached_property
    def couples_samples(self) -> bool:  # type: ignore[override]
        return any(layer.couples_samples for layer in self.layers)

    @functools.cached_property
    def stateful(self) -> bool:  # type: ignore[override]
        return any(layer.stateful for layer in self.layers)

    @functools.cached_property
    def whole_batch(self) -> bool:  # type: ignore[override]
        return any(layer.whole_batch for layer in self.layers)

    @functools.cached_property
    def _runs(self) -> dict[bool, list[_Run]]:
        return {training: list(self._cut(training)) for training in (False, True)}

    def _cut(self, training: bool) -> Iterator[_Run]:
        together: tuple[_Unit, ...] = ()
        for unit in _units(self.layers):
            layer = unit.layer
            if layer.whole_batch or (training and (layer.couples_samples or layer.stateful)):
                if together:
                    yield _Run(together, True, repr(together))
                yield _Run((unit,), False, repr(unit))
                together = ()
            else:
                together = (*together, unit)
        if together:
            yield _Run(together, True, repr(together))

    def children(self, x_shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        for i, layer in enumerate(self.layers):
            yield str(i), layer, x_shape
            x_shape = _located(str(i), layer, x_shape)

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        params, state = {}, {}
        streams = rng.spawn(len(self.layers))
        for stream, (name, layer, shape) in zip(streams, self.children(x_shape), strict=True):
            _located(name, layer, shape)
            variables = layer.init(stream, shape)
            params[name], state[name] = variables
            if variables.state and not layer.stateful:
                raise ConfigError(f"layer {name} ({layer.type}): has state: set stateful = True in its class")
        return Variables(_without_empty(params), _without_empty(state))

    def output_shape(self, x_shape: Shape) -> Shape:
        for i, layer in enumerate(self.layers):
            x_shape = _located(str(i), layer, x_shape)
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        caches: list[_RunCache] = []
        for run in self._runs[context.training]:
            x, cache = self._forward_run(run, context, params, state, x)
            caches.append(cache)
        return x, caches

    def _forward_run(self, run: _Run, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, _RunCache]:
        def shard(first: int, x: Array) -> tuple[int, Array, list[Any]]:
            inner = context._replace(first_sample=context.first_sample + first) if first else context
            cache = []
            for unit in run.units:
                name = unit.name
                try:
                    x, left = unit.layer.forward(inner.child(name), child(params, name), child(state, name), x)
                except ShapeError as error:
                    raise error.inside(name) from None
                cache.append(left)
            return first, x, cache

        if not (run.separable and x.ndim == 4):
            _, y, cache = shard(0, x)
            return y, _RunCache(x.shape[0], {0: cache})
        shard.__name__ = f"forward {run.name}"
        size = context.backend.shard_size(x.shape)
        results = context.backend.map_samples(shard, size, x)
        y = results[0][1] if len(results) == 1 else context.backend.concatenate([y for _, y, _ in results])
        return y, _RunCache(size, {first: cache for first, _, cache in results})

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return self._backward(context, params, cache, dy, lowest=0, need_dx=True)

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Array) -> Tree:
        if not params:
            return {}
        lowest = min(map(int, params))  # nobody needs a gradient below the first layer that has parameters
        return self._backward(context, params, cache, dy, lowest, need_dx=False)[1]

    def _backward(
        self, context: Context, params: Tree, cache: Any, dy: Array, lowest: int, need_dx: bool
    ) -> tuple[Array, Tree]:
        grads: Tree = {}
        for run, left in zip(reversed(self._runs[context.training]), reversed(cache), strict=True):
            if run.units[-1].first < lowest:
                break
            dy, found = self._backward_run(run, context, params, left, dy, lowest, need_dx)
            grads |= found
        return dy, {name: grads[name] for name in params}

    def _backward_run(
        self,
        run: _Run,
        context: Context,
        params: Tree,
        cache: _RunCache,
        dy: Array,
        lowest: int,
        need_dx: bool,
    ) -> tuple[Array, Tree]:
        def shard(first: int, dy: Array) -> tuple[Array, Tree]:
            inner = context._replace(first_sample=context.first_sample + first) if first else context
            grads: Tree = {}
            for unit, left in zip(reversed(run.units), reversed(cache.shards[first]), strict=True):
                if unit.first < lowest:
                    break
                name = unit.name
                own = child(params, name)
                if unit.first == lowest and not need_dx:
                    found = unit.layer.parameter_gradients(inner.child(name), own, left, dy)
                else:
                    dy, found = unit.layer.backward(inner.child(name), own, left, dy)
                if found:
                    grads[name] = found
            return dy, grads

        if len(cache.shards) == 1:
            return shard(0, dy)
        shard.__name__ = f"backward {run.name}"
        results = context.backend.map_samples(shard, cache.size, dy)
        complete = need_dx or run.units[0].first > lowest
        dx = context.backend.concatenate([dx for dx, _ in results]) if complete else dy
        total = results[0][1]
        for _, grads in results[1:]:
            total = map_leaves(lambda a, b: a + b, total, grads)
        return dx, total

    def next_state(self, state: Tree, cache: Any) -> Tree:
        updated = {}
        for run, left in zip(self._runs[True], cache, strict=True):
            unit = run.units[0]  # a layer with a state of its own is a run of its own
            if not run.separable and unit.name in state:
                updated[unit.name] = unit.layer.next_state(state[unit.name], left.shards[0][0])
        return {name: updated.get(name, kept) for name, kept in state.items()}


def _units(layers: tuple[Layer, ...]) -> Iterator[_Unit]:
    """Yield the layers, those that are quicker together as one."""
    i = 0
    while i < len(layers):
        layer, count = first_together(layers[i : i + 3])
        yield _Unit(i, layer)
        i += count


def _located(name: str, layer: Layer, x_shape: Shape) -> Shape:
    try:
        return layer.output_shape(x_shape)
    except ShapeError as error:
        raise error.inside(name) from None


def _without_empty(tree: Tree) -> Tree:
    return {name: value for name, value in tree.items() if value}
