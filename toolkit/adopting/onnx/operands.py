"""What the inputs of a node are: constants, which NumPy computes, and activations, which layers compute.

The batch has no extent in a network. A constant that depends on it (arithmetic on shapes) is computed for two batches,
of BATCHES samples, side by side: where both give the same numbers it does not depend on it after all.
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Shape
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.network import FileNode
from cnnkit.layers import Layer

FLAT = "flat"  # what stands for all values of a batch in one row
MOVED = "moved"  # what stands for a value whose axis of the batch is not the first
BATCHES = (31, 37)  # primes: a shape that fits both fits any
Values = np.ndarray[Any, np.dtype[Any]]


class Known:
    """A value without activations in it.

    key     what it is made of: two constants of one key are the same
    shape   of the smaller batch, where it depends on that
    stored  whether its values lie in the file, rather than being made by a node
    """

    def __init__(
        self, key: str, shape: Shape, dtype: str, compute: Callable[[], tuple[Values, ...]], *, stored: bool = False
    ) -> None:
        self.key, self.shape, self.dtype, self.stored = key, shape, dtype, stored
        self._compute = compute

    @classmethod
    def of_tensor(cls, tensor: Tensor, key: str) -> "Known":
        """Return a tensor of the file, read when its values are asked for; small floats become float32."""
        dtype = "float32" if tensor.dtype == "bfloat16" or "float8" in tensor.dtype else tensor.dtype
        return cls(key, tensor.shape, dtype, lambda: (decode(tensor.read(), tensor.dtype),), stored=True)

    @classmethod
    def of(cls, *values: Any, key: str = "") -> "Known":
        """Return the values of one batch after the other, or those of all batches."""
        arrays = tuple(np.asarray(array) for array in values)
        if len(arrays) == 2 and _are_equal(*arrays):
            arrays = arrays[:1]
        return cls(key, arrays[0].shape, arrays[0].dtype.name, lambda: arrays)

    @functools.cached_property
    def pair(self) -> tuple[Values, ...]:
        """The values for each of BATCHES, or once where they do not depend on it."""
        return self._compute()

    @property
    def varies(self) -> bool:
        """Whether the values depend on the size of the batch."""
        return len(self.pair) > 1

    @property
    def values(self) -> Values:
        """The values for the first batch."""
        return self.pair[0]

    def at(self, batch: int) -> Values:
        """Return the values for BATCHES[batch]."""
        return self.pair[batch] if self.varies else self.pair[0]

    def change(self, what: str, shape: Shape, change: Callable[[Values], Values]) -> "Known":
        """Return the values after `change`, a function called `what`, which gives arrays of that shape."""
        return Known(f"{self.key} {what}", shape, self.dtype, lambda: tuple(map(change, self.pair)), stored=self.stored)


_serials = itertools.count()


@dataclass(eq=False)
class Draft:
    """A layer of the network to be: its inputs and where its weights come from.

    layer   None for an input, and for an operation that only stands as part of a larger one (Erf in GELU)
    node    of the file: the one that gives it its name; None for an input
    shapes  of a sample of each output
    """

    layer: Layer | None
    name: str
    node: FileNode | None
    inputs: tuple["Flow", ...]
    shapes: tuple[Shape, ...]
    params: Mapping[str, Known] = field(default_factory=dict)
    state: Mapping[str, Known] = field(default_factory=dict)
    serial: int = field(default_factory=lambda: next(_serials))  # made after its inputs

    @property
    def kind(self) -> str:
        """The type of the layer, or the operator that stands for it."""
        return self.layer.type if self.layer is not None else self.name


@dataclass(frozen=True)
class Flow:
    """An activation: output number `output` of a draft."""

    draft: Draft
    output: int = 0

    @property
    def shape(self) -> Shape:
        """Of a sample."""
        return self.draft.shapes[self.output]

    @property
    def rank(self) -> int:
        """The number of axes, that of the batch included."""
        return 1 + len(self.shape)

    @property
    def kind(self) -> str:
        """The type of the layer that computes it."""
        return self.draft.kind


Operand = Known | Flow


def _are_equal(first: Values, second: Values) -> bool:
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.size and not any((*first.strides, *second.strides)):  # one number, repeated without memory
        first, second = first.reshape(-1)[:1], second.reshape(-1)[:1]
    return np.array_equal(first, second)
