"""A tensor of the model while it is adopted: where the network keeps it, and in which order of axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Shape

Order = tuple[int, ...]


class FlattenedTensor(NamedTuple):
    """Values that lie one after the other in a vector, flattened from a tensor.

    shape  of the tensor in Keras
    order  axis k of the network's tensor was axis order[k] of Keras's
    """

    shape: Shape
    order: Order


@dataclass(frozen=True)
class Value:
    """A tensor of the model; shapes and axes are of one sample.

    ref     the node or input of the network that gives it
    shape   as Keras has it
    order   axis k of the network's tensor is axis order[k] of Keras's
    blocks  of a vector whose values the network has in another order than Keras: what was flattened into it
    """

    ref: str
    shape: Shape
    order: Order
    blocks: tuple[FlattenedTensor, ...] = ()

    @property
    def rank(self) -> int:
        """The number of axes without the batch."""
        return len(self.shape)

    @property
    def stored_shape(self) -> Shape:
        """The shape of the network's tensor."""
        return tuple(self.shape[axis] for axis in self.order)

    def find_axis(self, axis: int) -> int:
        """Return the axis of the network's tensor, counted with the batch, that is `axis` of Keras's sample."""
        return self.order.index(axis) + 1


def keep_order(rank: int) -> Order:
    """Return the order of a tensor that the network has as Keras has it."""
    return tuple(range(rank))


def put_first(rank: int, axis: int) -> Order:
    """Return the order with one axis, that of the channels, before the others."""
    return (axis, *(other for other in range(rank) if other != axis))


def lies_alike(shape: Shape, order: Order) -> bool:
    """Return whether a tensor of this shape has its values in the same sequence in `order`: only axes of 1 move."""
    moved = [axis for axis in order if shape[axis] != 1]
    return moved == sorted(moved)


def find_rows(value: Value) -> np.ndarray[Any, np.dtype[np.intp]] | slice:
    """Return for each value of the network's vector its position in Keras's; a slice of all where they agree.

    The result is as large as the vector: to be called when the file has shown that it holds a value for each.
    """
    if not value.blocks:
        return slice(None)
    parts, begin = [], 0
    for block in value.blocks:
        count = math.prod(block.shape)
        parts.append(begin + np.arange(count).reshape(block.shape).transpose(block.order).reshape(-1))
        begin += count
    return np.concatenate(parts)


def normalise_axis(axis: int, rank: int) -> int:
    """Return an axis counted with the batch, perhaps from the end, as one of a sample with `rank` axes.

    Raises ValueError where there is none.
    """
    counted = axis + rank + 1 if axis < 0 else axis
    if not 1 <= counted <= rank:
        raise ValueError(f"axis {axis} of a tensor with {rank + 1} axes")
    return counted - 1


def to_shape(sizes: Sequence[int]) -> Shape:
    """Return sizes as a shape."""
    return tuple(int(size) for size in sizes)
