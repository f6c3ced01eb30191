"""Checks of convolution and its two gradients: a grid of difficult geometries, and drawn ones."""

from typing import Any, NamedTuple

from cnnkit.backends.protocol import Padding, Shape, Sizes
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_normal, draw_pair, draw_sizes
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
AXES = (2, 2, 1, 3)  # spatial ones of a drawn geometry
NONE: Padding = ((0, 0), (0, 0))


class ConvolutionGeometry(NamedTuple):
    """Shapes and options of a convolution; x (N, C, H, W), weight (O, C/groups, KH, KW)."""

    x: Shape
    weight: Shape
    stride: Sizes = (1, 1)
    padding: Padding = NONE
    dilation: Sizes = (1, 1)
    groups: int = 1

    @property
    def how(self) -> tuple[Sizes, Padding, Sizes, int]:
        """The last arguments of the primitives."""
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def y(self) -> Shape:
        """Return (N, O, OH, OW): floor((N + P - D (F - 1) - 1) / S) + 1 along each axis."""
        axes = zip(self.x[2:], self.weight[2:], self.stride, self.padding, self.dilation, strict=True)
        outputs = ((size + sum(p) - d * (w - 1) - 1) // s + 1 for size, w, s, p, d in axes)
        return self.x[0], self.weight[0], *outputs

    def __str__(self) -> str:
        words = [f"x {self.x}", f"weight {self.weight}"]
        axes = len(self.stride)
        defaults = ConvolutionGeometry(self.x, self.weight, (1,) * axes, ((0, 0),) * axes, (1,) * axes)
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
    ConvolutionGeometry((2, 3, 9), (4, 3, 3), (1,), ((1, 1),), (1,)),
    ConvolutionGeometry((1, 1, 1), (1, 1, 1), (1,), ((0, 0),), (1,)),
    ConvolutionGeometry((3, 4, 12), (6, 2, 3), (2,), ((0, 3),), (2,), 2),
    ConvolutionGeometry((2, 3, 7), (6, 1, 3), (1,), ((1, 1),), (1,), 3),
    ConvolutionGeometry((2, 5, 8), (3, 5, 1), (3,), ((0, 0),), (1,)),
    ConvolutionGeometry((2, 2, 4, 5, 3), (3, 2, 3, 2, 2), (1, 1, 1), ((1, 1), (0, 1), (0, 0)), (1, 1, 1)),
    ConvolutionGeometry((1, 2, 1, 1, 1), (2, 2, 1, 1, 1), (1, 1, 1), ((0, 0), (0, 0), (0, 0)), (1, 1, 1)),
    ConvolutionGeometry((2, 4, 5, 6, 4), (4, 2, 2, 3, 1), (2, 1, 3), ((2, 0), (1, 2), (0, 1)), (1, 2, 1), 2),
    ConvolutionGeometry((1, 3, 4, 4, 4), (3, 1, 3, 3, 3), (1, 1, 1), ((1, 1), (1, 1), (1, 1)), (1, 1, 1), 3),
)


def draw_geometry(draw: Draw, axes: int | None = None) -> ConvolutionGeometry:
    """Draw a geometry: uneven padding, dilation, groups, images of one pixel, pixels outside every window.

    axes: how many spatial ones; None draws that too.
    """
    groups, axes = draw.integer(1, 3), axes or draw.choice(AXES)
    window = draw_sizes(draw, axes, 1, 4 if axes < 3 else 2)
    stride, dilation = draw_sizes(draw, axes, 1, 3), draw_sizes(draw, axes, 1, 3)
    padding = tuple(draw_pair(draw, 0, 3) for _ in range(axes))
    along, further = zip(window, padding, dilation, strict=True), 5 if axes < 3 else 2
    image = [max(1, d * (w - 1) + 1 - sum(p)) + draw.integer(0, further) for w, p, d in along]
    channels, features = groups * draw.integer(1, 2), groups * draw.integer(1, 2)
    x, weight = (draw.integer(1, 3), channels, *image), (features, channels // groups, *window)
    return ConvolutionGeometry(x, weight, stride, padding, dilation, groups)


def _arguments(draw: Draw, given: ConvolutionGeometry | None) -> tuple[ConvolutionGeometry, float]:
    return (given, 1.0) if given else (draw_geometry(draw), draw.choice((1e-20, 1.0, 1e20)))


@CHECKS.add("convolve", grid=GRID)
def convolve(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The cross-correlation."""
    geometry, scale = _arguments(draw, given)
    x, weight = draw_normal(draw, *geometry.x, scale=scale), draw_normal(draw, *geometry.weight)

    def run(arena: Arena) -> dict[str, Any]:
        return {"y": arena.backend.convolve(arena.array(x), arena.array(weight), *geometry.how)}

    return Case(str(geometry), run, scale=scale)


@CHECKS.add("convolve_input_gradient", grid=GRID)
def convolve_input_gradient(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The gradient for x: the adjoint in x."""
    geometry, scale = _arguments(draw, given)
    dy, weight = draw_normal(draw, *geometry.y, scale=scale), draw_normal(draw, *geometry.weight)

    def run(arena: Arena) -> dict[str, Any]:
        dx = arena.backend.convolve_input_gradient(arena.array(dy), arena.array(weight), geometry.x, *geometry.how)
        return {"dx": dx}

    return Case(str(geometry), run, "gradient", scale=scale)


@CHECKS.add("convolve_weight_gradient", grid=GRID)
def convolve_weight_gradient(draw: Draw, given: ConvolutionGeometry | None) -> Case:
    """The gradient for weight: the adjoint in weight."""
    geometry, scale = _arguments(draw, given)
    dy, x = draw_normal(draw, *geometry.y, scale=scale), draw_normal(draw, *geometry.x)

    def run(arena: Arena) -> dict[str, Any]:
        backend: Any = arena.backend
        return {"dw": backend.convolve_weight_gradient(arena.array(dy), arena.array(x), geometry.weight, *geometry.how)}

    return Case(str(geometry), run, "gradient", scale=scale)


def draw_values(geometry: ConvolutionGeometry, draw: Draw) -> tuple[Values, Values, Values]:
    """Return normal x, weight and dy."""
    return draw_normal(draw, *geometry.x), draw_normal(draw, *geometry.weight), draw_normal(draw, *geometry.y)
