"""Checks of pooling and its gradients: ties, padding, windows that do not cover all pixels."""

from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Padding, Pair
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_generator, draw_normal, draw_pair, draw_tied_values
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
Image = tuple[int, int, int, int]
NONE: Padding = ((0, 0), (0, 0))


class PoolingGeometry(NamedTuple):
    """Positions of the windows; x (N, C, H, W); padding is smaller than the window, which layers guarantee."""

    x: Image
    window: Pair
    stride: Pair
    padding: Padding = NONE

    @property
    def how(self) -> tuple[Pair, Pair, Padding]:
        """The last arguments of the primitives."""
        return self.window, self.stride, self.padding

    @property
    def y(self) -> Image:
        """Return (N, C, OH, OW)."""
        height, width = ((self.x[2 + i] + sum(self.padding[i]) - self.window[i]) // self.stride[i] + 1 for i in (0, 1))
        return *self.x[:2], height, width

    def __str__(self) -> str:
        return f"x {self.x}, window {self.window}, stride {self.stride}, padding {self.padding}"


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
)


def draw_geometry(draw: Draw) -> PoolingGeometry:
    """Draw a geometry whose padding is smaller than its window."""
    window, stride = draw_pair(draw, 1, 4), draw_pair(draw, 1, 4)
    padding = (draw_pair(draw, 0, window[0] - 1), draw_pair(draw, 0, window[1] - 1))
    height, width = (max(1, window[i] - sum(padding[i])) + draw.integer(0, 5) for i in (0, 1))
    return PoolingGeometry((draw.integer(1, 2), draw.integer(1, 3), height, width), window, stride, padding)


# Half of the pixels are -infinity, so that many windows hold nothing else; then a third of all are NaN.
PIXELS = ("finite", "with -infinity", "with -infinity and NaN")
MAXIMA = [(geometry, PIXELS[0]) for geometry in GRID] + [
    (geometry, pixels) for geometry in (*GRID[:3], GRID[5], GRID[7]) for pixels in PIXELS[1:]
]


def draw_pixels(draw: Draw, shape: Image, pixels: str) -> Values:
    """Return integers, most of them with ties, and what `pixels` says."""
    x = draw_tied_values(draw, *shape) - draw.choice((0.0, 3.0))
    if pixels == PIXELS[0]:
        return x
    lot = draw_generator(draw).random(shape)
    x = np.where(lot < 1 / 2, -np.inf, x)
    return x if pixels == PIXELS[1] else np.where(lot > 2 / 3, np.nan, x)


@CHECKS.add("max_pool2d", grid=MAXIMA)
def max_pool2d(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """The maximum of each window; padding is never the maximum, so some values are negative; NaN wins."""
    geometry, pixels = given or (draw_geometry(draw), draw.choice(PIXELS))
    x = draw_pixels(draw, geometry.x, pixels)

    def run(arena: Arena) -> dict[str, Any]:
        y = arena.host(arena.backend.max_pool2d(arena.array(x), *geometry.how)[0])
        if pixels == PIXELS[0]:
            return {"y": y}
        return {
            "y": np.where(np.isfinite(y), y, 0),
            "NaN": np.isnan(y).astype(int),
            "-infinity": (y < -1e30).astype(int),
        }

    return Case(f"{geometry}, {pixels}", run, "exact", dtype="" if pixels == PIXELS[0] else None)


@CHECKS.add("max_pool2d_gradient", grid=MAXIMA)
def max_pool2d_gradient(draw: Draw, given: tuple[PoolingGeometry, str] | None) -> Case:
    """Each dy goes to the first maximum in row-major order, or to the last NaN, never to padding."""
    geometry, pixels = given or (draw_geometry(draw), draw.choice(PIXELS))
    x, dy = draw_pixels(draw, geometry.x, pixels), draw_normal(draw, *geometry.y)

    def run(arena: Arena) -> dict[str, Any]:
        _, saved = arena.backend.max_pool2d(arena.array(x), *geometry.how)
        return {"dx": arena.backend.max_pool2d_gradient(arena.array(dy), saved, geometry.x, *geometry.how)}

    return Case(f"{geometry}, {pixels}", run, "gradient")


@CHECKS.add("average_pool2d", grid=[(geometry, counts) for geometry in GRID for counts in (True, False)])
def average_pool2d(draw: Draw, given: tuple[PoolingGeometry, bool] | None) -> Case:
    """The mean of each window, its padding counted or not."""
    geometry, counts = given or (draw_geometry(draw), draw.choice((True, False)))
    x = draw_normal(draw, *geometry.x)

    def run(arena: Arena) -> dict[str, Any]:
        return {"y": arena.backend.average_pool2d(arena.array(x), *geometry.how, counts)}

    return Case(f"{geometry}, count_padding {counts}", run)


@CHECKS.add("average_pool2d_gradient", grid=[(geometry, counts) for geometry in GRID for counts in (True, False)])
def average_pool2d_gradient(draw: Draw, given: tuple[PoolingGeometry, bool] | None) -> Case:
    """Each dy is divided equally over its window."""
    geometry, counts = given or (draw_geometry(draw), draw.choice((True, False)))
    dy = draw_normal(draw, *geometry.y)

    def run(arena: Arena) -> dict[str, Any]:
        backend = arena.backend
        return {"dx": backend.average_pool2d_gradient(arena.array(dy), geometry.x, *geometry.how, counts)}

    return Case(f"{geometry}, count_padding {counts}", run, "gradient")
