"""The base of MaxPool2D and AvgPool2D: each window of an image becomes one pixel."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Padding, Pair, Shape
from cnnkit.layers.base import Layer, Reach, reshape_hint, window_reach
from cnnkit.layers.fields import (
    PaddingField,
    Size,
    output_sizes,
    pair,
    require,
    require_padding,
    require_size,
    resolve_padding,
)


@dataclass(frozen=True)
class Pool2D(Layer):
    """Windows of an image, `stride` apart; x (N, C, H, W), y (N, C, OH, OW).

    stride: None is the window, so that windows do not overlap.
    """

    window: Size
    stride: Size | None = None
    padding: PaddingField = 0

    def __post_init__(self) -> None:
        require_size(self.type, "window", self.window)
        require_padding(self.type, self.padding)
        if self.stride is not None:
            require_size(self.type, "stride", self.stride)
        if not isinstance(self.padding, str):
            inside = all(p < w for p, w in zip(pair(self.padding), pair(self.window), strict=True))
            require(inside, self.type, "padding", f"smaller than window (={self.window})", self.padding)

    def reach(self, x_shape: Shape) -> Reach:
        return window_reach(x_shape, *self._geometry(x_shape))

    def _geometry(self, x_shape: Shape) -> tuple[Pair, Pair, Padding, Pair]:
        """Return (window, stride, padding, dilation) as the backend takes them."""
        window, stride = pair(self.window), pair(self.window if self.stride is None else self.stride)
        return window, stride, resolve_padding(self.padding, (x_shape[1], x_shape[2]), window, stride, (1, 1)), (1, 1)

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        outputs = output_sizes(x_shape, *self._geometry(x_shape))
        if min(outputs) < 1:
            needed = " and ".join(f"{a} >= {w}" for a, w in zip("HW", pair(self.window), strict=True))
            raise self.refuse(f"(N, C, H, W) with {needed}", x_shape, "use a smaller window or fewer pooling layers")
        return (x_shape[0], *outputs)
