"""Sums over the samples of a batch that is computed in parts: by several workers, or one part after the other."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, Self

from cnnkit.backends.arrays import Array
from cnnkit.backends.leaf_tree import add_in_pairs


class Parts(Protocol):
    """The parts of a batch, contiguous samples each, as one of them sees them.

    samples  how many samples the whole batch has
    """

    samples: int

    def gather(self, x: Array) -> list[Array]:
        """Return x of every part, in the order of their samples; each part must call it, with one shape and dtype."""
        ...


class BatchParts(ABC):
    """What a backend does where a pass sees a part of a batch; by default, and where `parts` is None, it sees all.

    A layer whose samples depend on each other takes its sums over samples as join(sum_samples(x)), its means as
    `mean_samples`, and its counts from `count_samples`. So does a loss, which is the whole batch's in each part.
    A gradient of parameters is `sum_samples`: whoever trains adds up the shares of all parts.
    """

    parts: Parts | None = None
    _seen: int = 1  # samples of this part

    def seeing(self, parts: Parts | None, samples: int) -> Self:
        """Return this backend for a pass that sees one of these parts, of so many samples."""
        backend = copy.copy(self)
        backend.parts, backend._seen = parts, samples
        return backend

    @abstractmethod
    def sum(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return sums; see `Backend.sum`."""

    @abstractmethod
    def mean(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return means; see `Backend.mean`."""

    @abstractmethod
    def matmul(self, x: Array, y: Array) -> Array:
        """Return a matrix product; see `Backend.matmul`."""

    @abstractmethod
    def transpose(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Return x with its axes in this order; see `Backend.transpose`."""

    @abstractmethod
    def pack(self, arrays: Sequence[Array]) -> Array:
        """Return the values of some arrays as one array of one axis; see `Backend.pack`."""

    def sum_samples(self, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
        """Return this part's share of a sum over all samples; axis includes 0. The shares of all parts add up to it."""
        return self.sum(x, axis, keepdims)

    def dense_weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return this part's share of dweight (O, I): the sum over samples n of dy[n, o] x[n, i]."""
        return self.matmul(self.transpose(dy, (1, 0)), x)

    def mean_samples(self, x: Array, axis: int | tuple[int, ...] | None = None) -> Array:
        """Return the mean over all samples, which each part gets; axis includes 0."""
        if self.parts is None:
            return self.mean(x, axis)
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        return self.join(self.sum_samples(x, axis)) / math.prod(
            x.shape[i] if i else self.count_samples(x.shape[0]) for i in axes
        )

    def join(self, share: Array) -> Array:
        """Return the sum of the shares of all parts, which each part gets."""
        return share if self.parts is None else add_in_pairs(self.parts.gather(share))

    def join_several(self, *shares: Array) -> list[Array]:
        """Return `join` of each of some shares of one dtype, for which the parts wait once."""
        if self.parts is None:
            return [self.join(share) for share in shares]
        joined, start, arrays = self.join(self.pack(shares)), 0, []
        for share in shares:
            stop = start + math.prod(share.shape)
            arrays.append(joined[start:stop].reshape(tuple(share.shape)))
            start = stop
        return arrays

    def finish_share(self, total: Array) -> Array:
        """Return the sum of the shares of all parts as the gradient that it is, of the parameters' dtype."""
        return total

    def count_samples(self, seen: int) -> int:
        """Return how many samples the whole batch has, of which this pass sees `seen`; or rows, of several a sample.

        A part without samples counts as one with a row for each.
        """
        if self.parts is None:
            return seen
        return self.parts.samples * (seen // self._seen if self._seen else 1)
