"""Conv2D: a bank of kernels slid over images."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Padding, Pair, Shape
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context, Reach, reshape_hint, window_reach
from cnnkit.layers.fields import (
    PaddingField,
    Size,
    output_sizes,
    pair,
    resolve_padding,
)
from cnnkit.layers.linear_layer import ConvolutionLayer


@dataclass(frozen=True)
class Conv2D(ConvolutionLayer):
    """y[o, p, q] = bias[o] + sum over i, a, b of weight[o, i, a, b] x[i, p*stride + a*dilation, ...].

    A cross-correlation: x (N, C, H, W), weight (O, C/groups, KH, KW), bias (O), y (N, O, OH, OW), O = features.
    padding: pixels on each side, a pair (height, width), "valid" (none) or "same" (OH = ceil(H / stride)).
    groups: channels are split into that many independent parts; groups = C is a depthwise convolution.
    """

    features: int
    window: Size
    stride: Size = 1
    padding: PaddingField = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    weight_initializer: str | Initializer = "he_uniform"
    bias_initializer: str | Initializer = "zeros"
    axis_names: ClassVar = {"weight": ("o", "i", "kh", "kw"), "bias": ("o",)}

    def __post_init__(self) -> None:
        self.require_fields()

    def weight_shape(self, x_shape: Shape) -> Shape:
        return self.features, x_shape[0] // self.groups, *pair(self.window)

    def fans(self, x_shape: Shape) -> Pair:
        area = math.prod(pair(self.window))
        return x_shape[0] // self.groups * area, self.features // self.groups * area

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        if x_shape[0] % self.groups:
            raise self.refuse(f"(N, C, H, W) with C divisible by groups (={self.groups})", x_shape)
        outputs = output_sizes(x_shape, pair(self.window), *self._geometry(x_shape)[:3])
        if min(outputs) < 1:
            extents = [d * (w - 1) + 1 for d, w in zip(pair(self.dilation), pair(self.window), strict=True)]
            raise self.refuse(
                f"(N, C, H, W) with H, W >= {extents} less padding", x_shape, "use a smaller window or padding='same'"
            )
        return (self.features, *outputs)

    def multiply_adds(self, x_shape: Shape) -> int:
        return math.prod(self.output_shape(x_shape)) * (x_shape[0] // self.groups) * math.prod(pair(self.window))

    def reach(self, x_shape: Shape) -> Reach:
        stride, padding, dilation, _ = self._geometry(x_shape)
        return window_reach(x_shape, pair(self.window), stride, padding, dilation)

    def _geometry(self, x_shape: Shape) -> tuple[Pair, Padding, Pair, int]:
        """Return (stride, padding, dilation, groups) as the backend takes them."""
        stride, dilation = pair(self.stride), pair(self.dilation)
        padding = resolve_padding(self.padding, (x_shape[1], x_shape[2]), pair(self.window), stride, dilation)
        return stride, padding, dilation, self.groups

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        if x.ndim != 4 or x.shape[1] != weight.shape[1] * self.groups:
            hint = None if x.ndim == 4 else reshape_hint(x.shape[1:])
            raise self.refuse(f"(N, {weight.shape[1] * self.groups}, H, W)", x.shape[1:], hint)
        return context.backend.convolve(x, weight, *self._geometry(x.shape[1:]))

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_input_gradient(dy, weight, x.shape, *self._geometry(x.shape[1:]))

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_weight_gradient(dy, x, weight.shape, *self._geometry(x.shape[1:]))
