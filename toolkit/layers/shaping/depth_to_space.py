"""DepthToSpace and SpaceToDepth: channels become pixels, and pixels become channels."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.layers.base import Context, Layer, Reach
from cnnkit.layers.fields import require, require_count
from cnnkit.layers.shaping.exchange import exchange_axes
from cnnkit.layers.spatial import reshape_hint
from cnnkit.tree import Tree

Order = Literal["DCR", "CRD"]

# The axes of the split channels (and of N, C, H, W) before and after: (N, b, b, C, H, W) or (N, C, b, b, H, W).
_TO_SPACE = {"DCR": (0, 3, 4, 1, 5, 2), "CRD": (0, 1, 4, 2, 5, 3)}
_TO_DEPTH = {"DCR": (0, 3, 5, 1, 2, 4), "CRD": (0, 1, 3, 5, 2, 4)}


@dataclass(frozen=True)
class DepthToSpace(Layer):
    """y[n, c, h*b + i, w*b + j] = x[n, (i*b + j)*C/b^2 + c, h, w]; b = block, x (N, C, H, W), y (N, C/b^2, H*b, W*b).

    mode: which channels of x become one of y. "DCR" as written above; "CRD" takes channel c*b^2 + i*b + j instead, as
    torch.nn.PixelShuffle does. The names are ONNX's: the order depth, column, row.
    """

    block: int
    mode: Order = "DCR"
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        _require_fields(self.type, self.block, self.mode)

    def output_shape(self, x_shape: Shape) -> Shape:
        block = self.block
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        if x_shape[0] % block**2:
            raise self.refuse(f"(N, C, H, W) with C a multiple of {block**2}, the square of block (={block})", x_shape)
        return (x_shape[0] // block**2, x_shape[1] * block, x_shape[2] * block)

    def reach(self, x_shape: Shape) -> None:
        return None

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        self.output_shape(tuple(x.shape[1:]))
        return _to_space(context.backend, x, self.block, self.mode), None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return _to_depth(context.backend, dy, self.block, self.mode), {}


@dataclass(frozen=True)
class SpaceToDepth(Layer):
    """y[n, (i*b + j)*C + c, h, w] = x[n, c, h*b + i, w*b + j]; b = block, x (N, C, H, W), y (N, C*b^2, H/b, W/b).

    mode: "DCR" as written above, as ONNX's SpaceToDepth; "CRD" makes it channel c*b^2 + i*b + j, as
    torch.nn.PixelUnshuffle does. It undoes DepthToSpace of the same mode.
    """

    block: int
    mode: Order = "DCR"
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        _require_fields(self.type, self.block, self.mode)

    def output_shape(self, x_shape: Shape) -> Shape:
        block = self.block
        if len(x_shape) != 3:
            raise self.refuse("(N, C, H, W)", x_shape, reshape_hint(x_shape))
        if x_shape[1] % block or x_shape[2] % block:
            raise self.refuse(f"(N, C, H, W) with H and W multiples of block (={block})", x_shape)
        return (x_shape[0] * block**2, x_shape[1] // block, x_shape[2] // block)

    def reach(self, x_shape: Shape) -> Reach:
        return Reach((self.block, self.block), (self.block, self.block))

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        self.output_shape(tuple(x.shape[1:]))
        return _to_depth(context.backend, x, self.block, self.mode), None

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return _to_space(context.backend, dy, self.block, self.mode), {}


def _require_fields(layer: str, block: object, mode: object) -> None:
    require_count(layer, "block", block)
    require(isinstance(mode, str) and mode in _TO_SPACE, layer, "mode", "'DCR' or 'CRD'", mode)


def _to_space(backend: Backend, x: Array, block: int, mode: Order) -> Array:
    n, channels, height, width = x.shape
    outer = channels // block**2
    split = (n, block, block, outer, height, width) if mode == "DCR" else (n, outer, block, block, height, width)
    return exchange_axes(backend, x, split, _TO_SPACE[mode], (n, outer, height * block, width * block))


def _to_depth(backend: Backend, x: Array, block: int, mode: Order) -> Array:
    n, channels, height, width = x.shape
    split = (n, channels, height // block, block, width // block, block)
    return exchange_axes(backend, x, split, _TO_DEPTH[mode], (n, channels * block**2, height // block, width // block))
