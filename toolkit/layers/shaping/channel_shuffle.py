"""ChannelShuffle: mixes the channels of groups."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import require_count
from cnnkit.layers.shaping.exchange import exchange_axes
from cnnkit.tree import Tree


@dataclass(frozen=True)
class ChannelShuffle(Layer):
    """y[n, j*groups + i] = x[n, i*(C/groups) + j]: channel j of each group i, one group after the other.

    x and y (N, C, ...); C is a multiple of groups. Zhang et al. 2018 (ShuffleNet).
    """

    groups: int
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_count(self.type, "groups", self.groups)

    def output_shape(self, x_shape: Shape) -> Shape:
        if x_shape[0] % self.groups:
            raise self.refuse(f"(N, C, ...) with C a multiple of groups (={self.groups})", x_shape)
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        self.output_shape(tuple(x.shape[1:]))
        return self._shuffle(context, x, self.groups), None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return self._shuffle(context, dy, dy.shape[1] // self.groups), {}

    def _shuffle(self, context: Context, x: Array, groups: int) -> Array:
        n, channels, *rest = x.shape
        split = (n, groups, channels // groups, *rest)
        return exchange_axes(context.backend, x, split, (0, 2, 1, *range(3, len(split))), tuple(x.shape))
