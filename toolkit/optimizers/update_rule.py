"""From gradients to new parameters, over a whole tree: clipping, and what is stepped at once."""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import describe, naming_faults, require_number
from cnnkit.errors import ContractError
from cnnkit.purity import Part
from cnnkit.tree import FlatTree, Tree, flatten, map_leaves, unflatten

Scalars = Mapping[str, Any]  # name -> number, or 0-d array on the device
Pieces = Sequence[tuple[str, tuple[int, ...]]]  # of a flat array, in their order: the path that begins each, its shape


class UpdateRule(Part, ABC):
    """What updates the parameters of a network: an optimizer, or several in groups.

    slots        names of the arrays kept beside each parameter, zeros before the first step
    clip_value   limits each value of a gradient to -clip_value ... clip_value; 0: never
    clip_norm    scales all gradients down together, after that, so that their joint Euclidean norm is at most this
    per_tensor   True: a step depends on whole parameter tensors (their norms), and is made of each by itself
    """

    slots: tuple[str, ...] = ()
    clip_norm: float = 0.0
    clip_value: float = 0.0
    per_tensor: ClassVar[bool] = False

    @abstractmethod
    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        """Return the numbers of update `step` (counted from 1), computed on the host in float64."""

    @abstractmethod
    def step_at(
        self, path: str, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        """Return (parameter, *slots) after one step of the parameter at `path`, or of a piece that begins there."""

    def order(self, paths: Sequence[str]) -> Sequence[str]:
        """Return the paths of parameters in the order in which a flat tree had best hold them."""
        return paths

    def pieces(self, params: FlatTree) -> Pieces:
        """Return what of a flat tree is stepped at once."""
        stored = params.in_memory
        return [entry[:2] for entry in stored] if self.per_tensor else [(stored[0][0], tuple(params.flat.shape))]

    def checked_scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        """Return self.scalars(...); what an optimizer from outside cnnkit returns is checked."""
        if not self.external:
            return self.scalars(step, learning_rate)
        part = type(self).__name__
        with naming_faults(part, "scalars"):
            scalars: Any = self.scalars(step, learning_rate)
        if not isinstance(scalars, dict):
            raise ContractError(part, f"scalars must return a dictionary {{name: number}}, got {describe(scalars)}")
        return {name: require_number(part, f"{name} of scalars", number) for name, number in scalars.items()}

    def init(self, backend: Backend, params: Tree, dtype: str) -> Tree:
        """Return the slots before the first step: zeros, one tree like params for each name."""
        if isinstance(params, FlatTree):
            shape = tuple(params.flat.shape)
            return {name: FlatTree(params, backend.zeros(shape, dtype)) for name in self.slots}
        return {name: map_leaves(lambda p: backend.zeros(tuple(p.shape), dtype), params) for name in self.slots}

    def update(self, backend: Backend, params: Tree, grads: Tree, slots: Tree, scalars: Scalars) -> tuple[Tree, Tree]:
        """Return (params, slots) after one step; arrays are written in place where they can be.

        Where params and slots are flat trees, one step updates each of their `pieces`.
        """
        if isinstance(params, FlatTree) and all(isinstance(tree, FlatTree) for tree in slots.values()):
            return self._update_flat(backend, params, grads, slots, scalars)
        gradients, beside = flatten(self._clip(backend, grads)), [flatten(slots[name]) for name in self.slots]
        stepped = {
            path: self.step_at(path, backend, parameter, gradients[path], [slot[path] for slot in beside], scalars)
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
        gradient = self._clip(backend, {"": backend.pack([by_path[path] for path, _, _ in params.in_memory])})[""]
        trees, pieces = (params, *(slots[name] for name in self.slots)), self.pieces(params)
        old = [_cut(tree.flat, pieces) for tree in trees]
        new = [
            self.step_at(path, backend, parameter, g, beside, scalars)
            for (path, _), g, parameter, *beside in zip(pieces, _cut(gradient, pieces), *old, strict=True)
        ]
        renewed = []
        for tree, before, after in zip(trees, old, zip(*new, strict=True), strict=True):
            in_place = all(map(operator.is_, before, after))
            joined = after[0] if len(after) == 1 else backend.pack(after)
            renewed.append(tree if in_place else tree.renewed(joined))
        return renewed[0], dict(zip(self.slots, renewed[1:], strict=True))

    def _clip(self, backend: Backend, grads: Tree) -> Tree:
        if self.clip_value:
            grads = clip_values(backend, grads, self.clip_value)
        return clip(backend, grads, self.clip_norm) if self.clip_norm else grads


def _cut(flat: Array, pieces: Pieces) -> list[Array]:
    """Return views of `flat`, one for each piece; `flat` itself where it is the only one."""
    if len(pieces) == 1 and tuple(flat.shape) == pieces[0][1]:
        return [flat]
    views, start = [], 0
    for _, shape in pieces:
        size = math.prod(shape)
        views.append(flat[start : start + size].reshape(shape))
        start += size
    return views


def clip_values(backend: Backend, grads: Tree, largest: float) -> Tree:
    """Return grads limited to -largest ... largest, value by value; as torch.nn.utils.clip_grad_value_."""
    return map_leaves(lambda g: -backend.maximum(-backend.maximum(g, -largest), -largest), grads)


def clip(backend: Backend, grads: Tree, largest: float) -> Tree:
    """Return grads times min(1, largest / (norm + 1e-6)), norm over all of them; as torch.nn.utils.clip_grad_norm_."""
    squares = [backend.sum(g * g).reshape((1,)) for g in flatten(grads).values()]
    norm = backend.sqrt(backend.sum(backend.concatenate(squares)))
    scale = 1 / backend.maximum((norm + 1e-6) * (1 / largest), 1.0)
    return map_leaves(lambda g: g * scale, grads)
