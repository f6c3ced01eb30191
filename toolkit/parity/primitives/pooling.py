"""Checks of pooling and its gradients: ties, padding, windows that do not cover all pixels."""

from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Padding, Shape, Sizes
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_generator, draw_normal, draw_pair, draw_sizes, draw_tied_values
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
AXES = (2, 2, 1, 3)  # spatial ones of a drawn geometry
NONE: Padding = ((0, 0), (0, 0))


class PoolingGeometry(NamedTuple):
    """Positions of the windows; x (N, C, H, W); each window has a pixel of the image, which layers guarantee."""

    x: Shape
    window: Sizes
    stride: Sizes
    padding: Padding = NONE
    dilation: Sizes = (1, 1)

    @property
    def how(self) -> tuple[Sizes, Sizes, Padding, Sizes]:
        """The last arguments of the primitives, but for what counts in a mean."""
        return self.window, self.stride, self.padding, self.dilation

    @property
    def y(self) -> Shape:
        """Return (N, C, OH, OW)."""
        axes = zip(self.x[2:], *self.how, strict=True)
        return *self.x[:2], *((size + sum(p) - d * (w - 1) - 1) // s + 1 for size, w, s, p, d in axes)

    def padding_counted(self, kind: str) -> Padding:
        """Return the padding that counts in a mean: "none", "all" or "some" of it."""
        most = {"none": 0, "some": 1, "all": max(map(max, self.padding))}[kind]
        return tuple((min(begin, most), min(end, most)) for begin, end in self.padding)

    def __str__(self) -> str:
        dilation = "" if set(self.dilation) == {1} else f", dilation {self.dilation}"
        return f"x {self.x}, window {self.window}, stride {self.stride}, padding {self.padding}{dilation}"


GRID = (
    PoolingGeometry((2, 3, 4, 4), (2, 2), (2, 2)),
    PoolingGeometry((1, 1, 1, 1), (1, 1), (1, 1)),
    PoolingGeometry((1, 2, 1, 1), (3, 3), (1, 1), ((1, 1), (1, 1))),
    PoolingGeometry((2, 2, 7, 5), (2, 2), (2, 2)),
    PoolingGeometry((2, 2, 5, 6), (3, 2), (1, 1)),
    PoolingGeometry((1, 3, 5, 5), (3, 3), (2, 2), ((0, 1), (1, 0))),
    PoolingGeometry((2, 1, 4, 6), (2, 3), (3, 4)),
    PoolingGeometry((2, 2, 3, 3), (3, 3), (1, 2), ((2, 1), (2, 2))),
    PoolingGeometry((3, 1, 1, 9), (1, 4), (1, 3)),
    PoolingGeometry((2, 2, 8, 9), (2, 3), (2, 1), dilation=(3, 2)),
    PoolingGeometry((2, 1, 6, 7), (3, 2), (1, 2), ((4, 3), (0, 2)), (2, 3)),
    PoolingGeometry((1, 2, 5, 5), (2, 2), (2, 2), ((0, 1), (0, 1))),  # the overhang of a pooling that rounds up
    PoolingGeometry((2, 3, 9), (3,), (2,), ((1, 1),), (1,)),
    PoolingGeometry((2, 2, 10), (3,), (1,), ((2, 3),), (2,)),
    PoolingGeometry((2, 2, 4, 5, 6), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 1), (0, 0)), (1, 1, 1)),
    PoolingGeometry((1, 2, 5, 4, 6), (3, 2, 3), (1, 2, 1), ((1, 1), (1, 0), (2, 2)), (1, 1, 2)),
)


def draw_geometry(draw: Draw, axes: int | None = None) -> PoolingGeometry:
    """Draw a geometry in which each window has a pixel of the image.

    So padding is no wider than what a window reaches over, and the image no smaller than a step inside a window.
    axes: how many spatial ones; None draws that too.
    """
    axes = axes or draw.choice(AXES)
    window, stride = draw_sizes(draw, axes, 1, 4 if axes < 3 else 3), draw_sizes(draw, axes, 1, 4)
    dilation = draw_sizes(draw, axes, 1, draw.choice((1, 1, 3)))
    padding = tuple(draw_pair(draw, 0, (w - 1) * d) for w, d in zip(window, dilation, strict=True))
    along, further = zip(window, padding, dilation, strict=True), 5 if axes < 3 else 2
    image = [max(d, (w - 1) * d + 1 - sum(ends)) + draw.integer(0, further) for w, ends, d in along]
    return PoolingGeometry((draw.integer(1, 2), draw.integer(1, 3), *image), window, stride, padding, dilation)


# Half of the pixels are -infinity, so that many windows hold nothing else; then a third of all are NaN.
PIXELS = ("finite", "with -infinity", "with -infinity and NaN")
MAXIMA = [(geometry, PIXELS[0]) for geometry in GRID] + [
    (geometry, pixels) for geometry in (*GRID[:3], GRID[5], GRID[7], *GRID[10:]) for pixels in PIXELS[1:]
]


def draw_pixels(draw: Draw, shape: Shape, pixels: str) -> Values:
    """Return integers, most of them with ties, and what `pixels` says."""
    x = draw_tied_values(draw, *shape) - draw.choice((0.0, 3.0))
    if pixels == PIXELS[0]:
        return x
    lot = draw_generator(draw).random(shape)
    x = np.where(lot < 1 / 2, -np.inf, x)
    return x if pixels == PIXELS[1] else np.where(lot > 2 / 3, np.nan, x)


@CHECKS.add("max_pool", grid=MAXIMA)
def max_pool(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """The maximum of each window; padding is never the maximum, so some values are negative; NaN wins."""
    geometry, pixels = given or (draw_geometry(draw), draw.choice(PIXELS))
    x = draw_pixels(draw, geometry.x, pixels)

    def run(arena: Arena) -> dict[str, Any]:
        y = arena.host(arena.backend.max_pool(arena.array(x), *geometry.how)[0])
        if pixels == PIXELS[0]:
            return {"y": y}
        return {
            "y": np.where(np.isfinite(y), y, 0),
            "NaN": np.isnan(y).astype(int),
            "-infinity": (y < -1e30).astype(int),
        }

    return Case(f"{geometry}, {pixels}", run, "exact", dtype="" if pixels == PIXELS[0] else None)


@CHECKS.add("max_pool_gradient", grid=MAXIMA)
def max_pool_gradient(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """Each dy goes to the first maximum in row-major order, or to the last NaN, never to padding."""
    geometry, pixels = given or (draw_geometry(draw), draw.choice(PIXELS))
    x, dy = draw_pixels(draw, geometry.x, pixels), draw_normal(draw, *geometry.y)

    def run(arena: Arena) -> dict[str, Any]:
        _, saved = arena.backend.max_pool(arena.array(x), *geometry.how)
        return {"dx": arena.backend.max_pool_gradient(arena.array(dy), saved, geometry.x, *geometry.how)}

    return Case(f"{geometry}, {pixels}", run, "gradient")


KINDS = ("none", "some", "all")  # of the padding that counts in a mean
MEANS = [(geometry, counts) for geometry in GRID for counts in KINDS]


@CHECKS.add("average_pool", grid=MEANS)
def average_pool(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """The mean of each window, its padding counted or not."""
    geometry, counts = given or (draw_geometry(draw), draw.choice(KINDS))
    x = draw_normal(draw, *geometry.x)

    def run(arena: Arena) -> dict[str, Any]:
        return {"y": arena.backend.average_pool(arena.array(x), *geometry.how, geometry.padding_counted(counts))}

    return Case(f"{geometry}, {counts} of it counted", run)


@CHECKS.add("average_pool_gradient", grid=MEANS)
def average_pool_gradient(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """Each dy is divided equally over its window."""
    geometry, counts = given or (draw_geometry(draw), draw.choice(KINDS))
    dy = draw_normal(draw, *geometry.y)

    def run(arena: Arena) -> dict[str, Any]:
        how = *geometry.how, geometry.padding_counted(counts)
        return {"dx": arena.backend.average_pool_gradient(arena.array(dy), geometry.x, *how)}

    return Case(f"{geometry}, {counts} of it counted", run, "gradient")
