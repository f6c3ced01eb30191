"""Dropout: while training, a random part of the values, or of the channels, is set to zero."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require
from cnnkit.tree import Tree
from cnnkit.values import is_number


@dataclass(frozen=True)
class Dropout(Elementwise):
    """y = x * mask / (1 - rate) while training, else x; each mask value is 0 with probability `rate`, else 1.

    The mask is a function of (key of the layer's path, step, position in the batch): the same on every backend.
    Srivastava et al. 2014, in the inverted form.
    """

    rate: float = 0.5
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require(is_number(self.rate) and 0 <= self.rate < 1, self.type, "rate", "in [0, 1)", self.rate)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        if not context.training:
            return x, None
        shape = self._mask_shape(x.shape)
        draws = context.backend.uniform(context.key, context.step, shape, context.first_sample * math.prod(shape[1:]))
        threshold = math.ceil(self.rate * 2**24) / 2**24  # exact in every dtype, so every backend drops the same values
        mask = draws >= threshold
        return self._masked(context, mask, x), mask

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return (dy if cache is None else self._masked(context, cache, dy)), {}

    def _mask_shape(self, shape: Shape) -> Shape:
        """Return the shape of the mask of arrays of this shape; it is broadcast over them."""
        return shape

    def _masked(self, context: Context, mask: Array, x: Array) -> Array:
        return context.backend.where(mask, x * (1 / (1 - self.rate)), 0.0)


@dataclass(frozen=True)
class SpatialDropout(Dropout):
    """Dropout of whole channels: one mask value for all positions of a channel of a sample; x (N, C, ...).

    Tompson et al. 2015; torch.nn.Dropout1d, 2d and 3d.
    """

    def _mask_shape(self, shape: Shape) -> Shape:
        return (*shape[:2], *(1 for _ in shape[2:]))
