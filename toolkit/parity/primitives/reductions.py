"""Checks of sums, means and maxima along axes."""

import itertools
import math
from typing import Any

import numpy as np

from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_normal, draw_shape, draw_tied_values
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
AXES = (None, 0, 1, -1, (0, 2), (0, 2, 3))
GRID: list[tuple[tuple[int, ...], Any, bool]]
GRID = [((2, 3, 4, 5), axis, keepdims) for axis, keepdims in itertools.product(AXES, (False, True))]
GRID += [((1,), None, False), ((1, 1), 0, True), ((64, 8, 12, 12), (0, 2, 3), False)]


def _sum_exactly(x: Values, axis: Any, keepdims: bool) -> Values:
    """Return sums computed by math.fsum, which rounds once."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in np.atleast_1d(axis))
    remaining = tuple(a for a in range(x.ndim) if a not in axes)
    rows = x.transpose(remaining + axes).reshape((math.prod(x.shape[a] for a in remaining), -1))
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes)
    return np.array([math.fsum(row) for row in rows]).reshape(shape)


def _draw_arguments(draw: Draw) -> tuple[tuple[int, ...], Any, bool]:
    shape = draw_shape(draw)
    axes = [None, *range(-len(shape), len(shape)), *itertools.combinations(range(len(shape)), 2)]
    return shape, draw.choice(axes), draw.choice((False, True))


@CHECKS.add("sum", grid=GRID)
def check_sum(draw: Draw, arguments: Any) -> Case:
    """The sum along any axes; the error is relative to the size of the terms, since sums may cancel."""
    shape, axis, keepdims = arguments or _draw_arguments(draw)
    scale = draw.choice((1e-20, 1.0, 1e20))
    x = draw_normal(draw, *shape, scale=scale)
    run = lambda arena: {"y": arena.backend.sum(arena.array(x), axis=axis, keepdims=keepdims)}  # noqa: E731
    label = f"shape {shape}, axis {axis}, keepdims {keepdims}"
    return Case(label, run, wanted={"y": _sum_exactly(x, axis, keepdims)}, scale=scale)


@CHECKS.add("mean", grid=GRID)
def mean(draw: Draw, arguments: Any) -> Case:
    """The mean along any axes."""
    shape, axis, keepdims = arguments or _draw_arguments(draw)
    x = draw_normal(draw, *shape)
    total = _sum_exactly(x, axis, keepdims)
    run = lambda arena: {"y": arena.backend.mean(arena.array(x), axis=axis, keepdims=keepdims)}  # noqa: E731
    wanted = {"y": total / (x.size // total.size)}
    return Case(f"shape {shape}, axis {axis}, keepdims {keepdims}", run, wanted=wanted)


SAMPLES: list[tuple[tuple[int, ...], Any]]
SAMPLES = [((4, 3), 0), ((2, 3, 4, 5), (0, 2, 3)), ((1,), None), ((5, 2, 3), None), ((64, 8, 6), (0, 2))]


def _draw_samples(draw: Draw, given: tuple[tuple[int, ...], Any] | None) -> tuple[Values, Any]:
    shape, axis = given or (draw_shape(draw), draw.choice((None, 0)))
    return draw_normal(draw, *shape), axis


@CHECKS.add("sum_samples", grid=SAMPLES)
def sum_samples(draw: Draw, given: tuple[tuple[int, ...], Any] | None) -> Case:
    """The sum over all samples, where the pass sees them all: the share of the only part."""
    x, axis = _draw_samples(draw, given)

    def run(arena: Arena) -> dict[str, Any]:
        return {"y": arena.backend.finish_share(arena.backend.sum_samples(arena.array(x), axis=axis))}

    return Case(f"shape {x.shape}, axis {axis}", run, "gradient", wanted={"y": _sum_exactly(x, axis, False)})


@CHECKS.add("mean_samples", grid=SAMPLES)
def mean_samples(draw: Draw, given: tuple[tuple[int, ...], Any] | None) -> Case:
    """The mean over all samples, where the pass sees them all."""
    x, axis = _draw_samples(draw, given)
    total = _sum_exactly(x, axis, False)
    run = lambda arena: {"y": arena.backend.mean_samples(arena.array(x), axis=axis)}  # noqa: E731
    return Case(f"shape {x.shape}, axis {axis}", run, wanted={"y": total / (x.size // total.size)})


@CHECKS.add("dense_weight_gradient", grid=[(1, 1, 1), (4, 3, 2), (7, 5, 5), (64, 3, 4)])
def dense_weight_gradient(draw: Draw, sizes: tuple[int, int, int] | None) -> Case:
    """The sum over all samples of dy times x, where the pass sees them all."""
    count, outputs, inputs = sizes or (draw.integer(1, 9), draw.integer(1, 5), draw.integer(1, 5))
    dy, x = draw_normal(draw, count, outputs), draw_normal(draw, count, inputs)

    def run(arena: Arena) -> dict[str, Any]:
        share = arena.backend.dense_weight_gradient(arena.array(dy), arena.array(x))
        return {"dweight": arena.backend.finish_share(share)}

    return Case(f"dy {dy.shape}, x {x.shape}", run, "gradient", wanted={"dweight": dy.T @ x})


@CHECKS.add("max", grid=[case for case in GRID if not isinstance(case[1], tuple)])
def check_max(draw: Draw, arguments: Any) -> Case:
    """The largest value along one axis or all."""
    shape, axis, keepdims = arguments or _draw_arguments(draw)
    axis = axis[0] if isinstance(axis, tuple) else axis
    x = draw_normal(draw, *shape)
    run = lambda arena: {"y": arena.backend.max(arena.array(x), axis=axis, keepdims=keepdims)}  # noqa: E731
    wanted = {"y": np.max(x, axis=axis, keepdims=keepdims)}
    return Case(f"shape {shape}, axis {axis}, keepdims {keepdims}", run, "exact", wanted=wanted)


@CHECKS.add("argmax", grid=[((2, 3), 1), ((4, 4), 0), ((1, 100), 1), ((3, 1), 1)])
def argmax(draw: Draw, arguments: tuple[tuple[int, ...], int] | None) -> Case:
    """The index of the first maximum; values tie."""
    shape = draw_shape(draw) if arguments is None else arguments[0]
    axis = draw.integer(-len(shape), len(shape) - 1) if arguments is None else arguments[1]
    x = draw_tied_values(draw, *shape)
    rows = np.moveaxis(x, axis, -1)
    wanted = [next(i for i, v in enumerate(row) if v == max(row)) for row in rows.reshape((-1, rows.shape[-1]))]
    run = lambda arena: {"y": arena.backend.argmax(arena.array(x), axis)}  # noqa: E731
    known = {"y": np.array(wanted).reshape(rows.shape[:-1])}
    return Case(f"shape {shape}, axis {axis}", run, "exact", wanted=known, dtype="int64")
