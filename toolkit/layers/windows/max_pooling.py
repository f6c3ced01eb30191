"""MaxPool1D, MaxPool2D, MaxPool3D: each window becomes its largest value."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array
from cnnkit.layers.base import Context
from cnnkit.layers.windows.pooling import Pooling
from cnnkit.tree import Tree


@dataclass(frozen=True)
class MaxPooling(Pooling):
    """y = the largest value of each window, padding left out. Of equal values the first gets the gradient."""

    half_precision: ClassVar[bool | None] = True

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y, saved = context.backend.max_pool(x, *self.geometry(x.shape[1:]))
        return y, (saved, x.shape)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        saved, x_shape = cache
        return context.backend.max_pool_gradient(dy, saved, x_shape, *self.geometry(x_shape[1:])), {}


@dataclass(frozen=True)
class MaxPool1D(MaxPooling):
    """MaxPooling of signals: x (N, C, L), y (N, C, OL)."""

    rank: ClassVar = 1


@dataclass(frozen=True)
class MaxPool2D(MaxPooling):
    """MaxPooling of images: x (N, C, H, W), y (N, C, OH, OW)."""

    rank: ClassVar = 2


@dataclass(frozen=True)
class MaxPool3D(MaxPooling):
    """MaxPooling of volumes: x (N, C, D, H, W), y (N, C, OD, OH, OW)."""

    rank: ClassVar = 3
