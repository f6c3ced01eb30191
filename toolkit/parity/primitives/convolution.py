"""Checks of convolution and its two gradients: a grid of difficult geometries, and drawn ones."""

from typing import Any, NamedTuple

from cnnkit.backends.protocol import Padding, Pair
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_normal, draw_pair
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
Image = tuple[int, int, int, int]
NONE: Padding = ((0, 0), (0, 0))


class ConvolutionGeometry(NamedTuple):
    """Shapes and options of a convolution; x (N, C, H, W), weight (O, C/groups, KH, KW)."""

    x: Image
    weight: Image
    stride: Pair = (1, 1)
    padding: Padding = NONE
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def how(self) -> tuple[Pair, Padding, Pair, int]:
        """The last arguments of the primitives."""
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def y(self) -> Image:
        """Return (N, O, OH, OW): floor((N + P - D (F - 1) - 1) / S) + 1 along each axis."""
        sizes = [
            (self.x[2 + i] + sum(self.padding[i]) - self.dilation[i] * (self.weight[2 + i] - 1) - 1) // self.stride[i]
            for i in (0, 1)
        ]
        return self.x[0], self.weight[0], sizes[0] + 1, sizes[1] + 1

    def __str__(self) -> str:
        words = [f"x {self.x}", f"weight {self.weight}"]
        defaults = ConvolutionGeometry(self.x, self.weight)
        changed = (n for n in self._fields[2:] if getattr(self, n) != getattr(defaults, n))
        return ", ".join((*words, *(f"{name} {getattr(self, name)}" for name in changed)))


GRID = (
    ConvolutionGeometry((2, 3, 5, 5), (4, 3, 3, 3)),
    ConvolutionGeometry((1, 1, 1, 1), (1, 1, 1, 1)),
    ConvolutionGeometry((2, 2, 1, 1), (3, 2, 3, 3), padding=((1, 1), (1, 1))),
    ConvolutionGeometry((1, 3, 4, 6), (5, 3, 1, 1)),
    ConvolutionGeometry((1, 2, 7, 6), (3, 2, 3, 2), stride=(2, 3)),
    ConvolutionGeometry((2, 2, 4, 5), (2, 2, 2, 3), padding=((0, 1), (2, 0))),
    ConvolutionGeometry((2, 1, 3, 3), (2, 1, 2, 2), padding=((3, 0), (0, 4))),
    ConvolutionGeometry((2, 2, 7, 8), (3, 2, 3, 2), dilation=(2, 3)),
    ConvolutionGeometry((2, 4, 5, 5), (6, 2, 3, 3), padding=((1, 1), (1, 1)), groups=2),
    ConvolutionGeometry((2, 3, 5, 4), (6, 1, 3, 3), stride=(2, 1), padding=((1, 0), (0, 1)), groups=3),
    ConvolutionGeometry((3, 2, 8, 8), (2, 2, 2, 2), stride=(3, 4)),
    ConvolutionGeometry((1, 2, 9, 9), (2, 1, 3, 1), (2, 2), ((1, 2), (0, 1)), (2, 1), 2),
    ConvolutionGeometry((5, 1, 1, 9), (2, 1, 1, 5), padding=((0, 0), (2, 2))),
    ConvolutionGeometry((2, 256, 3, 3), (8, 256, 3, 3), padding=((1, 1), (1, 1))),  # 2304 terms in a sum
)


def draw_geometry(draw: Draw) -> ConvolutionGeometry:
    """Draw a geometry: uneven padding, dilation, groups, images of one pixel, pixels outside every window."""
    groups = draw.integer(1, 3)
    window, stride, dilation = draw_pair(draw, 1, 4), draw_pair(draw, 1, 3), draw_pair(draw, 1, 3)
    padding = (draw_pair(draw, 0, 3), draw_pair(draw, 0, 3))
    height, width = (max(1, dilation[i] * (window[i] - 1) + 1 - sum(padding[i])) + draw.integer(0, 5) for i in (0, 1))
    channels, features = groups * draw.integer(1, 2), groups * draw.integer(1, 2)
    x, weight = (draw.integer(1, 3), channels, height, width), (features, channels // groups, *window)
    return ConvolutionGeometry(x, weight, stride, padding, dilation, groups)


def _arguments(draw: Draw, given: ConvolutionGeometry | None) -> tuple[ConvolutionGeometry, float]:
    return (given, 1.0) if given else (draw_geometry(draw), draw.choice((1e-20, 1.0, 1e20)))


@CHECKS.add("conv2d", grid=GRID)
def conv2d(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The cross-correlation."""
    geometry, scale = _arguments(draw, given)
    x, weight = draw_normal(draw, *geometry.x, scale=scale), draw_normal(draw, *geometry.weight)

    def run(arena: Arena) -> dict[str, Any]:
        return {"y": arena.backend.conv2d(arena.array(x), arena.array(weight), *geometry.how)}

    return Case(str(geometry), run, scale=scale)


@CHECKS.add("conv2d_input_gradient", grid=GRID)
def conv2d_input_gradient(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The gradient for x: the adjoint in x."""
    geometry, scale = _arguments(draw, given)
    dy, weight = draw_normal(draw, *geometry.y, scale=scale), draw_normal(draw, *geometry.weight)

    def run(arena: Arena) -> dict[str, Any]:
        dx = arena.backend.conv2d_input_gradient(arena.array(dy), arena.array(weight), geometry.x, *geometry.how)
        return {"dx": dx}

    return Case(str(geometry), run, "gradient", scale=scale)


@CHECKS.add("conv2d_weight_gradient", grid=GRID)
def conv2d_weight_gradient(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The gradient for weight: the adjoint in weight."""
    geometry, scale = _arguments(draw, given)
    dy, x = draw_normal(draw, *geometry.y, scale=scale), draw_normal(draw, *geometry.x)

    def run(arena: Arena) -> dict[str, Any]:
        backend: Any = arena.backend
        return {"dw": backend.conv2d_weight_gradient(arena.array(dy), arena.array(x), geometry.weight, *geometry.how)}

    return Case(str(geometry), run, "gradient", scale=scale)


def draw_values(geometry: ConvolutionGeometry, draw: Draw) -> tuple[Values, Values, Values]:
    """Return normal x, weight and dy."""
    return draw_normal(draw, *geometry.x), draw_normal(draw, *geometry.weight), draw_normal(draw, *geometry.y)
