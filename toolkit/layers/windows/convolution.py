"""Conv1D, Conv2D, Conv3D: a bank of kernels slid over signals, images, volumes."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Padding, Shape, Sizes
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context, Reach, window_reach
from cnnkit.layers.spatial import (
    LETTERS,
    PaddingField,
    Size,
    describe_x,
    measure_extents,
    output_sizes,
    per_axis,
    reshape_hint,
    resolve_padding,
)
from cnnkit.layers.windows.convolution_layer import ConvolutionLayer


@dataclass(frozen=True)
class Convolution(ConvolutionLayer):
    """y[o, p, ...] = bias[o] + sum over i, a, ... of weight[o, i, a, ...] x[i, p*stride + a*dilation - begin, ...].

    A cross-correlation; O = features. Each of window, stride, dilation is one number, or one for each spatial axis.
    padding: pixels on each side, one number for each axis, a (begin, end) for each axis, "valid" (none), or "same"
    (ceil(H / stride) outputs; of an odd padding one more at the end, with "same_lower" at the beginning).
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

    def __post_init__(self) -> None:
        self.require_fields()

    def weight_shape(self, x_shape: Shape) -> Shape:
        return self.features, x_shape[0] // self.groups, *self.windows

    def output_shape(self, x_shape: Shape) -> Shape:
        self.require_x(x_shape)
        stride, padding, dilation, _ = self.geometry(x_shape)
        outputs = output_sizes(x_shape[1:], self.windows, stride, padding, dilation)
        if min(outputs) < 1:
            needed = f"{', '.join(LETTERS[self.rank])} >= {list(measure_extents(self.windows, dilation))}"
            expected = f"{describe_x(self.rank)} with {needed} less padding"
            raise self.refuse(expected, x_shape, "use a smaller window or padding='same'")
        return (self.features, *outputs)

    def multiply_adds(self, x_shape: Shape) -> int:
        return math.prod(self.output_shape(x_shape)) * (x_shape[0] // self.groups) * math.prod(self.windows)

    def reach(self, x_shape: Shape) -> Reach:
        return window_reach(x_shape[1:], self.windows, *self.geometry(x_shape)[:3])

    def geometry(self, x_shape: Shape) -> tuple[Sizes, Padding, Sizes, int]:
        """Return (stride, padding, dilation, groups) as the backend takes them."""
        stride, dilation = per_axis(self.stride, self.rank), per_axis(self.dilation, self.rank)
        padding = resolve_padding(self.padding, x_shape[1:], self.windows, stride, dilation)
        return stride, padding, dilation, self.groups

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        channels = weight.shape[1] * self.groups
        if x.ndim != 2 + self.rank or x.shape[1] != channels:
            hint = None if x.ndim == 2 + self.rank else reshape_hint(x.shape[1:], self.rank)
            raise self.refuse(describe_x(self.rank, channels), x.shape[1:], hint)
        return context.backend.convolve(x, weight, *self.geometry(x.shape[1:]))

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_input_gradient(dy, weight, x.shape, *self.geometry(x.shape[1:]))

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_weight_gradient(dy, x, weight.shape, *self.geometry(x.shape[1:]))


@dataclass(frozen=True)
class Conv1D(Convolution):
    """A Convolution of signals: x (N, C, L), weight (O, C/groups, K), bias (O), y (N, O, OL)."""

    rank: ClassVar = 1
    axis_names: ClassVar = {"weight": ("o", "i", "k"), "bias": ("o",)}


@dataclass(frozen=True)
class Conv2D(Convolution):
    """A Convolution of images: x (N, C, H, W), weight (O, C/groups, KH, KW), bias (O), y (N, O, OH, OW)."""

    rank: ClassVar = 2
    axis_names: ClassVar = {"weight": ("o", "i", "kh", "kw"), "bias": ("o",)}


@dataclass(frozen=True)
class Conv3D(Convolution):
    """A Convolution of volumes: x (N, C, D, H, W), weight (O, C/groups, KD, KH, KW), bias (O), y (N, O, OD, OH, OW)."""

    rank: ClassVar = 3
    axis_names: ClassVar = {"weight": ("o", "i", "kd", "kh", "kw"), "bias": ("o",)}
