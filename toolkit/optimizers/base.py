"""What an optimizer is: a rule from gradients to new parameters, and the arrays that it keeps for each of them."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import describe, naming_faults, require_array
from cnnkit.errors import ConfigError, ContractError
from cnnkit.purity import Part
from cnnkit.tree import FlatTree, Tree, flatten, map_leaves, unflatten

SMALLEST_NORM = 1e-30  # whose inverse float32 can hold
Scalars = Mapping[str, Any]  # name -> number, or 0-d array on the device


class Optimizer(Part, ABC):
    """A rule that works element by element; subclasses are frozen dataclasses; `pure` as of layers.

    slots      names of the arrays kept beside each parameter, zeros before the first step
    clip_norm  scales all gradients down together so that their joint Euclidean norm is at most this; 0: never
    """

    slots: tuple[str, ...] = ()
    clip_norm: float = 0.0

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        """Return the numbers of update `step` (counted from 1), computed on the host in float64."""
        return {"rate": learning_rate}

    @abstractmethod
    def step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        """Return (parameter, *slots) after one step: the arrays to use from now on, as of Backend.update.

        slots: the arrays that `self.slots` names, in that order, each of the parameter's shape.
        """

    def _checked_step(
        self, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        """Return self.step(...); what an optimizer from outside cnnkit returns is checked."""
        if not self.external:
            return self.step(backend, parameter, gradient, slots, scalars)
        part, known = type(self).__name__, f"the scalars are {{{', '.join(scalars)}}}"
        with naming_faults(part, "step", known, backend.out_of_memory):
            stepped: Any = self.step(backend, parameter, gradient, slots, scalars)
        names = ("parameter", *self.slots)
        if not isinstance(stepped, tuple) or len(stepped) != len(names):
            raise ContractError(part, f"step must return a tuple of {', '.join(names)}, got {describe(stepped)}")
        for name, array in zip(names, stepped, strict=True):
            require_array(part, f"{name} of step", array, tuple(parameter.shape), parameter.dtype)
        return tuple(stepped)

    def init(self, backend: Backend, params: Tree, dtype: str) -> Tree:
        """Return the slots before the first step: zeros, one tree like params for each name."""
        if isinstance(params, FlatTree):
            shape = tuple(params.flat.shape)
            return {name: FlatTree(params, backend.zeros(shape, dtype)) for name in self.slots}
        return {name: map_leaves(lambda p: backend.zeros(tuple(p.shape), dtype), params) for name in self.slots}

    def update(self, backend: Backend, params: Tree, grads: Tree, slots: Tree, scalars: Scalars) -> tuple[Tree, Tree]:
        """Return (params, slots) after one step; arrays are written in place where they can be.

        Where params and slots are flat trees, one step updates all values.
        """
        if isinstance(params, FlatTree) and all(isinstance(tree, FlatTree) for tree in slots.values()):
            return self._update_flat(backend, params, grads, slots, scalars)
        if self.clip_norm:
            grads = clip(backend, grads, self.clip_norm)
        gradients, beside = flatten(grads), [flatten(slots[name]) for name in self.slots]
        stepped = {
            path: self._checked_step(backend, parameter, gradients[path], [slot[path] for slot in beside], scalars)
            for path, parameter in flatten(params).items()
        }
        new_params, *new_slots = (
            unflatten({path: arrays[i] for path, arrays in stepped.items()}) for i in range(1 + len(self.slots))
        )
        return new_params, dict(zip(self.slots, new_slots, strict=True))

    def _update_flat(
        self, backend: Backend, params: FlatTree, grads: Tree, slots: Tree, scalars: Scalars
    ) -> tuple[Tree, Tree]:
        by_path = flatten(grads)
        gradient = backend.pack([by_path[path] for path, _ in params.layout])
        if self.clip_norm:
            gradient = clip(backend, {"": gradient}, self.clip_norm)[""]
        beside = [slots[name] for name in self.slots]
        parameter, *arrays = self._checked_step(backend, params.flat, gradient, [tree.flat for tree in beside], scalars)
        renewed = [tree.renewed(array) for tree, array in zip(beside, arrays, strict=True)]
        return params.renewed(parameter), dict(zip(self.slots, renewed, strict=True))


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
        if field.name == "clip_norm" and 0 < value < SMALLEST_NORM:
            raise ConfigError(f"{name}: expected clip_norm of 0 or >= {SMALLEST_NORM:g}, got {value}")
