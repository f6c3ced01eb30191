"""GlobalAvgPool2D: each channel becomes its mean."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, reshape_hint
from cnnkit.tree import Tree


@dataclass(frozen=True)
class GlobalAvgPool2D(Layer):
    """y[c] = mean of x[c]; x (N, C, H, W), y (N, C)."""

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        return (x_shape[0],)

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.mean(x, axis=(2, 3)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        n, c, h, w = cache.shape
        share = (dy / (h * w)).reshape((n, c, 1, 1))
        return share + context.backend.zeros((n, c, h, w), "float32"), {}  # spreads share; its own dtype wins
