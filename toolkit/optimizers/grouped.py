"""Parameters in groups, each with a learning rate and settings of its own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.optimizers.base import Optimizer
from cnnkit.optimizers.update_rule import Pieces, Scalars, UpdateRule
from cnnkit.tree import FlatTree, unflatten


@dataclass(frozen=True)
class GroupedOptimizer(UpdateRule):
    """One optimizer whose settings, but not slots and clipping, differ from group to group.

    optimizers  of each group: the same class with the same slots
    factors     what multiplies the learning rate of each group
    groups      {path of a parameter: index of its group}

    Gradients are clipped by the norm of all groups together. A flat tree in this `order` is stepped group by group;
    in another, neighbours of one group are stepped at once. The scalars of group 0 are named `0.rate`, and so on.
    """

    optimizers: tuple[Optimizer, ...]
    factors: tuple[float, ...]
    groups: Mapping[str, int]

    def __post_init__(self) -> None:
        first = self.optimizers[0]
        for name in ("slots", "clip_norm", "clip_value", "per_tensor", "external"):
            object.__setattr__(self, name, getattr(first, name))

    def scalars(self, step: int, learning_rate: float) -> dict[str, Any]:
        return {
            f"{i}.{name}": number
            for i, (optimizer, factor) in enumerate(zip(self.optimizers, self.factors, strict=True))
            for name, number in optimizer.checked_scalars(step, learning_rate * factor).items()
        }

    def step_at(
        self, path: str, backend: Backend, parameter: Array, gradient: Array, slots: Sequence[Array], scalars: Scalars
    ) -> tuple[Array, ...]:
        group = self.groups[path]
        own = unflatten(scalars)[str(group)]
        return self.optimizers[group].step_at(path, backend, parameter, gradient, slots, own)

    def order(self, paths: Sequence[str]) -> Sequence[str]:
        return sorted(paths, key=lambda path: self.groups[path])

    def pieces(self, params: FlatTree) -> Pieces:
        if self.per_tensor:
            return super().pieces(params)
        pieces: list[tuple[str, tuple[int, ...]]] = []
        for path, shape, _ in params.in_memory:
            size = math.prod(shape)
            if pieces and self.groups[pieces[-1][0]] == self.groups[path]:
                first, (before,) = pieces.pop()
                pieces.append((first, (before + size,)))
            else:
                pieces.append((path, (size,)))
        return pieces
