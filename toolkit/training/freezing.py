"""Freezing: parameters that a training leaves as they are, bit for bit, by patterns of their names.

A layer all of whose parameters are frozen, or whose running statistics a pattern names, runs as in inference: a
BatchNorm uses its statistics, and they do not move.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Backend, Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import format_count
from cnnkit.layers import Layer, Node
from cnnkit.layers.frozen_layer import FrozenLayer
from cnnkit.training.patterns import find_owners, list_names, matches, require_matches
from cnnkit.tree import Tree, flatten, unflatten


@dataclass(frozen=True)
class Freezing:
    """The network to train with, and where its variables lie in the whole trees.

    owners  {name of a parameter or statistic: path of its layer}
    frozen  names of the parameters that do not move; still: of the running statistics that do not
    """

    network: Layer
    owners: Mapping[str, str]
    frozen: frozenset[str]
    still: frozenset[str]
    wrapped: frozenset[str]  # paths of the layers with some of these

    def take_apart(self, params: Tree, state: Tree) -> tuple[Tree, Tree]:
        """Return (params, state) as `network` takes them: frozen parameters lie in the state."""
        whole = flatten(params)
        trained = {name: array for name, array in whole.items() if name not in self.frozen}
        inside = {self._place(name, "params"): array for name, array in whole.items() if name in self.frozen}
        inside |= {self._place(name, "state"): array for name, array in flatten(state).items()}
        return unflatten(trained), unflatten(inside)

    def put_together(
        self, backend: Backend, before: tuple[Tree, Tree], trained: Tree, moved: Tree
    ) -> tuple[Tree, Tree]:
        """Return the whole (params, state) after a step, from those before it and what `network` made of its own."""
        new, inside = flatten(trained), flatten(moved)
        params = {name: new.get(name, array) for name, array in flatten(before[0]).items()}
        state = {
            name: array if name in self.still else backend.assign(array, inside[self._place(name, "state")])
            for name, array in flatten(before[1]).items()
        }
        return unflatten(params), unflatten(state)

    def _place(self, name: str, part: str) -> str:
        owner = self.owners[name]
        return f"{owner}.{part}{name.removeprefix(owner)}" if owner in self.wrapped else name

    def describe(self, sizes: Mapping[str, int]) -> str:
        """Return how many values are frozen, and which layers' statistics stand still, in one line.

        sizes: of each parameter.
        """
        count = format_count(sum(sizes[name] for name in self.frozen), "parameter")
        layers = list(dict.fromkeys(self.owners[name] for name in sizes if name in self.frozen))
        line = f"frozen: {count} of {sum(sizes.values()):,}, in {list_names(layers)}"
        norms = list(dict.fromkeys(owner for name, owner in self.owners.items() if name in self.still))
        return f"{line}; running statistics are used, and do not move, in {list_names(norms)}" if norms else line


def freeze(network: Layer, input_shape: Shape, patterns: Sequence[str]) -> Freezing | None:
    """Return the freezing of what the patterns match: names of tensors, of layers and of those around them.

    None without patterns. Raises ConfigError for a pattern that matches nothing, and where nothing is left to train.
    """
    if not patterns:
        return None
    shapes = network.variable_shapes(input_shape)
    params, state = list(flatten(shapes.params)), list(flatten(shapes.state))
    owners = find_owners(network, input_shape, (*params, *state))
    require_matches("freeze", patterns, owners)
    frozen = frozenset(name for name in params if matches(name, patterns))
    if len(frozen) == len(params):
        raise ConfigError("freeze: expected something left to train, got all parameters frozen: freeze fewer layers")
    trained = {owners[name] for name in params if name not in frozen}
    named = {owners[name] for name in state if matches(name, patterns)}
    touched = {owners[name] for name in frozen} | named
    still = (touched - trained) | named
    for name in frozen:
        if owners[name] in trained and name.count(".") > owners[name].count(".") + 1:
            raise ConfigError(f"freeze: {owners[name]} can only be frozen as a whole: name the layer")
    wrapping = {path: path in still for path in touched}
    unmoved = frozenset(name for name in state if owners[name] in still)
    return Freezing(_wrap(network, input_shape, "", wrapping), owners, frozen, unmoved, frozenset(touched))


def _wrap(layer: Layer, x_shape: Shape, prefix: str, wrapping: Mapping[str, bool]) -> Layer:
    """Return the layer with those inside it wrapped that `wrapping` names by path: {path: whether it stands still}."""
    children = list(layer.children(x_shape))
    if not children:
        return layer
    inside = iter(
        FrozenLayer(child, wrapping[prefix + name])
        if prefix + name in wrapping
        else _wrap(child, shape, f"{prefix}{name}.", wrapping)
        for name, child, shape in children
    )
    fields: Any = dataclasses.fields(layer)  # type: ignore[arg-type]  # `children` lists layers in the order of the fields
    changed = {field.name: _replace_layers(getattr(layer, field.name), inside) for field in fields}
    return dataclasses.replace(layer, **changed)  # type: ignore[type-var]


def _replace_layers(value: Any, inside: Iterator[Layer]) -> Any:
    """Return the value of a field with its layers, or those of its nodes, replaced by the next ones."""
    if isinstance(value, Layer):
        return next(inside)
    if isinstance(value, tuple):
        return tuple(_replace_layers(item, inside) for item in value)
    if isinstance(value, Node) and value.layer is not None:
        return dataclasses.replace(value, layer=next(inside))
    return value
