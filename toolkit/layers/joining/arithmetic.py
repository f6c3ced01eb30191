"""Add, Subtract, Multiply, Divide, Average: arithmetic of several values, element by element."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, mul
from typing import ClassVar

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.joining.join import ElementwiseJoin


@dataclass(frozen=True)
class Add(ElementwiseJoin):
    """y = the sum of all inputs."""

    half_precision: ClassVar[bool | None] = True

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return functools.reduce(add, arrays)

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return [dy] * len(arrays)


@dataclass(frozen=True)
class Average(ElementwiseJoin):
    """y = the mean of all inputs."""

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return functools.reduce(add, arrays) / len(arrays)

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return [dy / len(arrays)] * len(arrays)


@dataclass(frozen=True)
class Subtract(ElementwiseJoin):
    """y = the first input less the second."""

    fewest: ClassVar[int] = 2
    most: ClassVar[int | None] = 2
    half_precision: ClassVar[bool | None] = True

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return arrays[0] - arrays[1]

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return dy, -dy


@dataclass(frozen=True)
class Multiply(ElementwiseJoin):
    """y = the product of all inputs."""

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return functools.reduce(mul, arrays)

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        return [
            functools.reduce(mul, [*arrays[:i], *arrays[i + 1 :]], dy) for i in range(len(arrays))
        ]  # not y / x, which is wrong where x is 0


@dataclass(frozen=True)
class Divide(ElementwiseJoin):
    """y = the first input divided by the second."""

    fewest: ClassVar[int] = 2
    most: ClassVar[int | None] = 2

    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        return arrays[0] / arrays[1]

    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        upper, lower = arrays
        share = dy / lower
        return share, -share * upper / lower
