"""What an optimizer is: a rule from gradients to new parameters, with slots of its own beside each parameter."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.errors import ConfigError
from cnnkit.purity import Part
from cnnkit.tree import FlatTree, Tree, flatten, map_leaves

Scalars = Mapping[str, Any]  # name -> number, or 0-d array on the device


class Optimizer(Part, ABC):
    """A rule that works element by element; subclasses are frozen dataclasses; `pure` as of layers.

    weight_decay  adds weight_decay * parameter to the gradient, as in PyTorch (AdamW sees to it itself)
    clip_norm     scales all gradients down together so that their joint Euclidean norm is at most this; 0: never
    """

    weight_decay: float
    clip_norm: float
    decay_joins_gradient: bool = True
    slots: tuple[str, ...] = ()  # names of the arrays kept beside each parameter

    @property
    def name(self) -> str:
        """The rule's name, by which a backend may know it: that of the class, after the package that it comes from."""
        return f"{type(self).__module__.partition('.')[0]}.{type(self).__name__}"

    def constants(self) -> tuple[float, ...]:
        """Return the fields as numbers, in their order."""
        return tuple(float(getattr(self, field.name)) for field in dataclasses.fields(self))  # type: ignore[arg-type]

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        """Return the numbers of update `step` (counted from 1), computed on the host in float64."""
        return {"rate": learning_rate}

    @abstractmethod
    def rule(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        """Return (new parameter, new slots), all of the parameter's shape."""

    def formula(
        self, backend: Backend, parameter: Array, gradient: Array, slots: dict[str, Array], scalars: Scalars
    ) -> tuple[Array, dict[str, Array]]:
        """Return what `rule` does after weight decay has joined the gradient, where it does."""
        if self.weight_decay and self.decay_joins_gradient:
            gradient = gradient + parameter * self.weight_decay
        return self.rule(backend, parameter, gradient, slots, scalars)

    def init(self, backend: Backend, params: Tree, dtype: str) -> Tree:
        """Return the slots before the first step: zeros, one tree like params for each name."""
        if isinstance(params, FlatTree):
            shape = tuple(params.flat.shape)
            return {name: FlatTree(params, backend.zeros(shape, dtype)) for name in self.slots}
        return {name: map_leaves(lambda p: backend.zeros(tuple(p.shape), dtype), params) for name in self.slots}

    def update(self, backend: Backend, params: Tree, grads: Tree, slots: Tree, scalars: Scalars) -> tuple[Tree, Tree]:
        """Return (params, slots) after one step; arrays are written in place where they can be.

        Where params and slots are flat trees, all values are updated in one go.
        """
        if isinstance(params, FlatTree) and all(isinstance(tree, FlatTree) for tree in slots.values()):
            return self._update_flat(backend, params, grads, slots, scalars)
        if self.clip_norm:
            grads = clip(backend, grads, self.clip_norm)
        return self._update_tree(backend, params, grads, slots, scalars)

    def _update_flat(
        self, backend: Backend, params: FlatTree, grads: Tree, slots: Tree, scalars: Scalars
    ) -> tuple[Tree, Tree]:
        by_path = flatten(grads)
        gradient = backend.pack([by_path[path] for path, _ in params.layout])
        if self.clip_norm:
            gradient = clip(backend, {"": gradient}, self.clip_norm)[""]
        own = {name: tree.flat for name, tree in slots.items()}
        value, values = backend.update(self, params.flat, gradient, own, scalars)
        return params.renewed(value), {name: tree.renewed(values[name]) for name, tree in slots.items()}

    def _update_tree(
        self, backend: Backend, params: Tree, grads: Tree, slots: Tree, scalars: Scalars
    ) -> tuple[Tree, Tree]:
        new_params: Tree = {}
        new_slots: Tree = {name: {} for name in slots}
        for name, parameter in params.items():
            own = {slot: tree[name] for slot, tree in slots.items()}
            if isinstance(parameter, dict):
                new_params[name], updated = self._update_tree(backend, parameter, grads[name], own, scalars)
            else:
                new_params[name], updated = backend.update(self, parameter, grads[name], own, scalars)
            for slot, new in updated.items():
                new_slots[slot][name] = new
        return new_params, new_slots


def clip(backend: Backend, grads: Tree, largest: float) -> Tree:
    """Return grads times min(1, largest / (norm + 1e-6)), norm over all of them; as torch.nn.utils.clip_grad_norm_."""
    squares = [backend.sum(g * g).reshape((1,)) for g in flatten(grads).values()]
    norm = backend.sqrt(backend.sum(backend.concatenate(squares)))
    scale = 1 / backend.maximum((norm + 1e-6) * (1 / largest), 1.0)
    return map_leaves(lambda g: g * scale, grads)


def require_ranges(optimizer: Any) -> None:
    """Raise ConfigError on a field that is out of its range: rates of decay in [0, 1), the rest >= 0."""
    name = type(optimizer).__name__.lower()
    for field in dataclasses.fields(optimizer):
        value = getattr(optimizer, field.name)
        if isinstance(value, bool):
            continue
        share = field.name in ("momentum", "beta1", "beta2", "decay")
        if not (0 <= value < 1 if share else 0 <= value < float("inf")):
            raise ConfigError(f"{name}: expected {field.name} {'in [0, 1)' if share else '>= 0'}, got {value}")
