"""The primitives that are the same on any array module with NumPy's interface: `xp` is numpy or cupy."""

from collections.abc import Sequence
from typing import Any

from cnnkit.backends.protocol import Backend, Native, Pair, Shape
from cnnkit.backends.shared.erf import erf
from cnnkit.philox import counters, philox4x32


class ArrayBackend(Backend):
    """A backend over the array module `xp`; subclasses add convolution and pooling, which depend on the machine."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def asarray(self, values: Any, dtype: str | None = None) -> Native:
        return self.xp.asarray(values, dtype)

    def zeros(self, shape: Shape, dtype: str) -> Native:
        return self.xp.zeros(shape, dtype)

    def arange(self, count: int) -> Native:
        return self.xp.arange(count, dtype=self.xp.int64)

    def uniform(self, key: Pair, step: Any, shape: Shape, start: int = 0) -> Native:
        xp = self.xp
        size = 1
        for length in shape:
            size *= length
        blocks = xp.arange(start // 4, (start + size + 3) // 4, dtype=xp.int64)
        words = philox4x32(counters(blocks, self.asarray(step, "int64").reshape((1,))), key)
        draws = xp.stack(words, axis=1).reshape((-1,))[start % 4 : start % 4 + size]
        return ((draws >> 8).astype(xp.float32) * xp.float32(2**-24)).reshape(shape)

    def exp(self, x: Native) -> Native:
        return self.xp.exp(x)

    def log(self, x: Native) -> Native:
        return self.xp.log(x)

    def log1p(self, x: Native) -> Native:
        return self.xp.log1p(x)

    def sqrt(self, x: Native) -> Native:
        return self.xp.sqrt(x)

    def tanh(self, x: Native) -> Native:
        return self.xp.tanh(x)

    def erf(self, x: Native) -> Native:
        return erf(self.xp, x)

    def maximum(self, x: Native, other: Native) -> Native:
        return self.xp.maximum(x, other)

    def where(self, condition: Native, x: Native, y: Native) -> Native:
        return self.xp.where(condition, x, y)

    def sum(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return x.sum(axis=axis, keepdims=keepdims)

    def mean(self, x: Native, axis: Any = None, keepdims: bool = False) -> Native:
        return x.mean(axis=axis, keepdims=keepdims)

    def max(self, x: Native, axis: int | None = None, keepdims: bool = False) -> Native:
        return x.max(axis=axis, keepdims=keepdims)

    def argmax(self, x: Native, axis: int) -> Native:
        return x.argmax(axis=axis)

    def take(self, x: Native, indices: Native, axis: int = 0) -> Native:
        return self.xp.take(x, indices, axis=axis)

    def transpose(self, x: Native, axes: tuple[int, ...]) -> Native:
        return x.transpose(axes)

    def concatenate(self, arrays: Sequence[Native], axis: int = 0) -> Native:
        return self.xp.concatenate(arrays, axis=axis)

    def matmul(self, x: Native, y: Native) -> Native:
        return self.gemm(x, y)

    def gemm(self, x: Native, y: Native, out: Native = None) -> Native:
        """Return the matrix product x y; every matrix product of the backend is computed here."""
        return self.xp.matmul(x, y, out=out)

    def assign(self, target: Native, value: Native) -> Native:
        target[...] = value
        return target
