"""The base of Convolution and TransposedConvolution: a bank of windows that move over an image."""

import math
from typing import ClassVar

from cnnkit.backends.protocol import Pair, Shape, Sizes
from cnnkit.layers.fields import PADDINGS, require, require_count, require_padding, require_size
from cnnkit.layers.linear_layer import LinearLayer
from cnnkit.layers.spatial import PaddingField, Size, describe_x, per_axis, reshape_hint


class ConvolutionLayer(LinearLayer):
    """A LinearLayer whose weight has a window for each pair of an output and an input channel of its group.

    Subclasses declare the fields below; rank: the number of spatial axes of x (N, C, ...).
    """

    window: Size
    stride: Size
    padding: PaddingField
    dilation: Size
    groups: int
    rank: ClassVar[int]

    def require_fields(self, paddings: tuple[str, ...] = PADDINGS) -> None:
        """Raise ConfigError for a field that cannot be used; paddings: the words that `padding` may be."""
        super().require_fields()
        for field in ("window", "stride", "dilation"):
            require_size(self.type, field, getattr(self, field), rank=self.rank)
        require_padding(self.type, self.padding, paddings, self.rank)
        require_count(self.type, "groups", self.groups)
        divides = self.features % self.groups == 0
        require(divides, self.type, "features", f"divisible by groups (={self.groups})", self.features)

    @property
    def windows(self) -> Sizes:
        """The window's size along each spatial axis."""
        return per_axis(self.window, self.rank)

    def require_x(self, x_shape: Shape) -> None:
        """Raise ShapeError unless samples x_shape have the axes that this layer needs, and channels for its groups."""
        expected = describe_x(self.rank)
        if len(x_shape) != 1 + self.rank:
            raise self.refuse(expected, x_shape, reshape_hint(x_shape, self.rank))
        if x_shape[0] % self.groups:
            raise self.refuse(f"{expected} with C divisible by groups (={self.groups})", x_shape)

    def fans(self, x_shape: Shape) -> Pair:
        area = math.prod(self.windows)
        return x_shape[0] // self.groups * area, self.features // self.groups * area
