"""Layers of Keras with their variables, and how a variable is made of a tensor of cnnkit, channels first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor


@dataclass(frozen=True)
class Variable:
    """A variable of a Keras layer: the tensor it comes from and how its axes and rows are rearranged.

    split    shape to see the tensor in first
    axes     order of those axes in Keras
    rows     (C, H, W) where the first axis is then a flattened image, which Keras flattens as H, W, C
    """

    tensor: Tensor
    split: tuple[int, ...]
    axes: tuple[int, ...]
    rows: tuple[int, ...] | None = None

    def values(self) -> Array:
        """Return the values as Keras wants them."""
        array = self.tensor.read().reshape(self.split).transpose(self.axes)
        if self.rows is not None:
            array = array[channels_last(self.rows)]
        return np.ascontiguousarray(array)


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a Sequential: class, configuration, variables in Keras's order."""

    kind: str
    config: dict[str, Any]
    variables: Sequence[Variable] = field(default=())


def channels_last(image: tuple[int, ...]) -> Array:
    """Return for each place of a row flattened as H, W, C its place in the row flattened as C, H, W."""
    return np.arange(math.prod(image)).reshape(image).transpose(1, 2, 0).reshape(-1)
