"""ConvTranspose1D, ConvTranspose2D, ConvTranspose3D: the adjoint of a convolution, which makes images larger."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnkit.backends.protocol import Array, Padding, Shape, Sizes
from cnnkit.initializers import Initializer
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require, require_size
from cnnkit.layers.spatial import PaddingField, Size, describe_x, measure_extents, per_axis, resolve_padding
from cnnkit.layers.windows.convolution_layer import ConvolutionLayer


@dataclass(frozen=True)
class TransposedConvolution(ConvolutionLayer):
    """y = the adjoint of a Convolution applied to x: each x[i, p, ...] adds weight[i, o] * x at p*stride of y[o].

    OH = (H - 1)*stride - padding + dilation*(KH - 1) + 1 + output_padding, where padding counts both sides (as
    torch.nn.ConvTranspose2d, and with uneven padding as ONNX's ConvTranspose). O = features.
    padding: pixels that are cut off each side, one number or a (begin, end) for each axis, or "valid" (none).
    output_padding: pixels more at the end, smaller than stride.
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

    def __post_init__(self) -> None:
        self.require_fields(("valid",))
        require_size(self.type, "output_padding", self.output_padding, 0, self.rank)
        strides = per_axis(self.stride, self.rank)
        smaller = all(o < s for o, s in zip(per_axis(self.output_padding, self.rank), strides, strict=True))
        require(smaller, self.type, "output_padding", f"smaller than stride (={self.stride})", self.output_padding)

    def weight_shape(self, x_shape: Shape) -> Shape:
        return x_shape[0], self.features // self.groups, *self.windows

    def output_shape(self, x_shape: Shape) -> Shape:
        self.require_x(x_shape)
        strides, padding, dilation, _ = self._geometry()
        more, extents = per_axis(self.output_padding, self.rank), measure_extents(self.windows, dilation)
        outputs = tuple(
            (n - 1) * s - sum(sides) + extent + added
            for n, s, sides, extent, added in zip(x_shape[1:], strides, padding, extents, more, strict=True)
        )
        if min(outputs) < 1:
            raise self.refuse(f"{describe_x(self.rank)} large enough for its padding", x_shape, "use less padding")
        return (self.features, *outputs)

    def multiply_adds(self, x_shape: Shape) -> int:
        return math.prod(x_shape) * (self.features // self.groups) * math.prod(self.windows)

    def reach(self, x_shape: Shape) -> None:
        return None  # it depends on the position, so no one number tells it

    def _geometry(self) -> tuple[Sizes, Padding, Sizes, int]:
        """Return (stride, padding, dilation, groups) of the convolution whose adjoint this is."""
        stride, dilation = per_axis(self.stride, self.rank), per_axis(self.dilation, self.rank)
        padding = resolve_padding(self.padding, (0,) * self.rank, self.windows, stride, dilation)
        return stride, padding, dilation, self.groups

    def product(self, context: Context, weight: Array, x: Array) -> Array:
        if x.ndim != 2 + self.rank or x.shape[1] != weight.shape[0]:
            raise self.refuse(describe_x(self.rank, weight.shape[0]), x.shape[1:])
        y_shape = (x.shape[0], *self.output_shape(x.shape[1:]))
        return context.backend.convolve_input_gradient(x, weight, y_shape, *self._geometry())

    def input_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve(dy, weight, *self._geometry())

    def weight_gradient(self, context: Context, weight: Array, x: Array, dy: Array) -> Array:
        return context.backend.convolve_weight_gradient(x, dy, weight.shape, *self._geometry())


@dataclass(frozen=True)
class ConvTranspose1D(TransposedConvolution):
    """A TransposedConvolution of signals: x (N, I, L), weight (I, O/groups, K), bias (O), y (N, O, OL)."""

    rank: ClassVar = 1
    axis_names: ClassVar = {"weight": ("i", "o", "k"), "bias": ("o",)}


@dataclass(frozen=True)
class ConvTranspose2D(TransposedConvolution):
    """A TransposedConvolution of images: x (N, I, H, W), weight (I, O/groups, KH, KW), bias (O), y (N, O, OH, OW)."""

    rank: ClassVar = 2
    axis_names: ClassVar = {"weight": ("i", "o", "kh", "kw"), "bias": ("o",)}


@dataclass(frozen=True)
class ConvTranspose3D(TransposedConvolution):
    """A TransposedConvolution of volumes: x (N, I, D, H, W), weight (I, O/groups, KD, KH, KW), y (N, O, OD, OH, OW)."""

    rank: ClassVar = 3
    axis_names: ClassVar = {"weight": ("i", "o", "kd", "kh", "kw"), "bias": ("o",)}
