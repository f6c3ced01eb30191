"""MaxPool2D: each window becomes its largest value."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.base import Context
from cnnkit.layers.windows.pool2d import Pool2D
from cnnkit.tree import Tree


@dataclass(frozen=True)
class MaxPool2D(Pool2D):
    """y = the largest value of each window; x (N, C, H, W), y (N, C, OH, OW).

    Of equal values the first gets the gradient.
    """

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y, saved = context.backend.max_pool(x, *self._geometry(x.shape[1:]))
        return y, (saved, x.shape)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        saved, x_shape = cache
        return context.backend.max_pool_gradient(dy, saved, x_shape, *self._geometry(x_shape[1:])), {}
