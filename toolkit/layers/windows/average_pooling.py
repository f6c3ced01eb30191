"""AvgPool1D, AvgPool2D, AvgPool3D: each window becomes its mean."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Padding, Shape
from cnnkit.layers.base import Context
from cnnkit.layers.fields import require_flag
from cnnkit.layers.windows.pooling import Pooling
from cnnkit.tree import Tree


@dataclass(frozen=True)
class AveragePooling(Pooling):
    """y = the mean of each window.

    Padding counts as zeros unless count_padding is False; what ceil_mode adds beyond it never counts (as torch).
    """

    count_padding: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_flag(self.type, "count_padding", self.count_padding)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        x_shape = x.shape[1:]
        return context.backend.average_pool(x, *self.geometry(x_shape), self.counted_padding(x_shape)), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        x_shape = cache[1:]
        return context.backend.average_pool_gradient(
            dy, cache, *self.geometry(x_shape), self.counted_padding(x_shape)
        ), {}

    def counted_padding(self, x_shape: Shape) -> Padding:
        """Return the padding that counts as zeros."""
        return self.declared_geometry(x_shape).padding if self.count_padding else ((0, 0),) * self.rank


@dataclass(frozen=True)
class AvgPool1D(AveragePooling):
    """AveragePooling of signals: x (N, C, L), y (N, C, OL)."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class AvgPool2D(AveragePooling):
    """AveragePooling of images: x (N, C, H, W), y (N, C, OH, OW)."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class AvgPool3D(AveragePooling):
    """AveragePooling of volumes: x (N, C, D, H, W), y (N, C, OD, OH, OW)."""

    rank: ClassVar = 3
