"""Maximum and Minimum of several values, element by element."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.joining.join import ElementwiseJoin


@dataclass(frozen=True)
class Maximum(ElementwiseJoin):
    """y = the largest of all inputs; NaN wins. The gradient goes to the first of equal ones."""

    half_precision: ClassVar[bool | None] = True

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return functools.reduce(backend.maximum, arrays)

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return split_to_first(backend, self.join(backend, arrays), arrays, dy)


@dataclass(frozen=True)
class Minimum(ElementwiseJoin):
    """y = the smallest of all inputs; NaN wins. The gradient goes to the first of equal ones."""

    half_precision: ClassVar[bool | None] = True

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return -functools.reduce(backend.maximum, [-array for array in arrays])

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return split_to_first(backend, self.join(backend, arrays), arrays, dy)


def split_to_first(backend: Backend, y: Array, arrays: Sequence[Array], dy: Array) -> list[Array]:
    """Return dy where an array is the first that equals y, a NaN equalling any NaN, and 0 elsewhere."""
    parts, left = [], dy
    for array in arrays:
        chosen = (array == y) + (array != array)  # noqa: PLR0124 (of booleans a sum is an or)
        parts.append(backend.where(chosen, left, 0.0))
        left = backend.where(chosen, 0.0, left)
    return parts
