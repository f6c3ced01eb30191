"""ConvTranspose2D: the adjoint of a convolution, which makes images larger."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Padding, Pair, Shape
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context, reshape_hint
from cnnkit.layers.fields import (
    PaddingField,
    Size,
    pair,
    require,
    require_size,
    resolve_padding,
)
from cnnkit.layers.linear_layer import ConvolutionLayer


@dataclass(frozen=True)
class ConvTranspose2D(ConvolutionLayer):
    """y = the adjoint of Conv2D applied to x: each x[i, p, q] adds weight[i, o] * x at p*stride, q*stride of y[o].

    x (N, I, H, W), weight (I, O/groups, KH, KW), bias (O), y (N, O, OH, OW) with O = features and
    OH = (H - 1)*stride - 2*padding + dilation*(KH - 1) + 1 + output_padding (as torch.nn.ConvTranspose2d).
    """

    features: int
    window: Size
    stride: Size = 1
    padding: PaddingField = 0
    output_padding: Size = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    weight_initializer: str | Initializer = "he_uniform"
    bias_initializer: str | Initializer = "zeros"
    axis_names: ClassVar = {"weight": ("i", "o", "kh", "kw"), "bias": ("o",)}

    def __post_init__(self) -> None:
        self.require_fields(("valid",))
        require_size(self.type, "output_padding", self.output_padding, least=0)
        smaller = all(o < s for o, s in zip(pair(self.output_padding), pair(self.stride), strict=True))
        require(smaller, self.type, "output_padding", f"smaller than stride (={self.stride})", self.output_padding)

    def weight_shape(self, x_shape: Shape) -> Shape:
        return x_shape[0], self.features // self.groups, *pair(self.window)

    def fans(self, x_shape: Shape) -> Pair:
        area = math.prod(pair(self.window))
        return x_shape[0] // self.groups * area, self.features // self.groups * area

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        if x_shape[0] % self.groups:
            raise self.refuse(f"(N, C, H, W) with C divisible by groups (={self.groups})", x_shape)
        padding = self._geometry()[1]
        height, width = (
            (x_shape[1 + i] - 1) * pair(self.stride)[i]
            - sum(padding[i])
            + pair(self.dilation)[i] * (pair(self.window)[i] - 1)
            + 1
            + pair(self.output_padding)[i]
            for i in (0, 1)
        )
        if min(height, width) < 1:
            raise self.refuse("(N, C, H, W) large enough for its padding", x_shape, "use less padding")
        return (self.features, height, width)

    def multiply_adds(self, x_shape: Shape) -> int:
        return math.prod(x_shape) * (self.features // self.groups) * math.prod(pair(self.window))

    def reach(self, x_shape: Shape) -> None:
        return None  # it depends on the position, so no one number tells it

    def _geometry(self) -> tuple[Pair, Padding, Pair, int]:
        stride, dilation = pair(self.stride), pair(self.dilation)
        return stride, resolve_padding(self.padding, (0, 0), pair(self.window), stride, dilation), dilation, self.groups

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        if x.ndim != 4 or x.shape[1] != weight.shape[0]:
            raise self.refuse(f"(N, {weight.shape[0]}, H, W)", x.shape[1:])
        y_shape = (x.shape[0], *self.output_shape(x.shape[1:]))
        return context.backend.convolve_input_gradient(x, weight, y_shape, *self._geometry())

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve(dy, weight, *self._geometry())

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_weight_gradient(x, dy, weight.shape, *self._geometry())
