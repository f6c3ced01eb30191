"""Freezing: parameters that a training leaves as they are, bit for bit, by patterns of their names.

A layer all of whose parameters are frozen, or whose running statistics a pattern names, runs as in inference: a
BatchNorm uses its statistics, and they do not move.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import format_count
from cnnkit.layers import Layer
from cnnkit.layers.frozen_layer import FrozenLayer
from cnnkit.layers.replacing import replace_layers
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
        new, whole = flatten(trained), flatten(before[1])
        params = {name: new.get(name, array) for name, array in flatten(before[0]).items()}
        inside = self.find_moved(whole, moved)
        state = {
            name: backend.assign(array, inside[name]) if name in inside else array for name, array in whole.items()
        }
        return unflatten(params), unflatten(state)

    def find_moved(self, names: Iterable[str], state: Tree) -> dict[str, Array]:
        """Return {name: array} of the statistics that move, from the state of `network`."""
        inside = flatten(state)
        return {name: inside[self._place(name, "state")] for name in names if name not in self.still}

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
    return Freezing(_wrap(network, input_shape, wrapping), owners, frozen, unmoved, frozenset(touched))


def _wrap(network: Layer, input_shape: Shape, wrapping: Mapping[str, bool]) -> Layer:
    """Return the network with layers wrapped that `wrapping` names by path: {path: whether it stands still}."""

    def wrap(path: str, layer: Layer) -> Layer | None:
        return FrozenLayer(layer, wrapping[path]) if path in wrapping else None

    return replace_layers(network, input_shape, wrap)
