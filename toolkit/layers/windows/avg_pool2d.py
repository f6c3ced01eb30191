"""AvgPool2D: each window becomes its mean."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Padding, Pair, Shape
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require_flag
from cnnkit.layers.windows.pool2d import Pool2D
from cnnkit.tree import Tree


@dataclass(frozen=True)
class AvgPool2D(Pool2D):
    """y = the mean of each window; x (N, C, H, W), y (N, C, OH, OW).

    Padding counts as zeros unless count_padding is False.
    """

    count_padding: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_flag(self.type, "count_padding", self.count_padding)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        return context.backend.average_pool(x, *self._averaged(x.shape[1:])), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return context.backend.average_pool_gradient(dy, cache, *self._averaged(cache[1:])), {}

    def _averaged(self, x_shape: Shape) -> tuple[Pair, Pair, Padding, Pair, Padding]:
        """Return (window, stride, padding, dilation, counted) as the backend takes them."""
        window, stride, padding, dilation = self._geometry(x_shape)
        return window, stride, padding, dilation, padding if self.count_padding else ((0, 0), (0, 0))
