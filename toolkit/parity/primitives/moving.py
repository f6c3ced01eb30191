"""Checks of rearranging and joining values, and of the matrix product."""

from typing import Any

import numpy as np

from cnnkit.parity.check import Case
from cnnkit.parity.draw import Draw, draw_generator, draw_normal, draw_shape
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()


@CHECKS.add("take", grid=[((3, 4, 5), 0, (3,)), ((3, 4, 5), 1, (2, 2)), ((3, 4, 5), 2, (1,)), ((4,), 0, (0,))])
def take(draw: Draw, arguments: Any) -> Case:
    """Slices at indices of any shape along an axis; indices may repeat."""
    shape = draw_shape(draw) if arguments is None else arguments[0]
    axis = draw.integer(0, len(shape) - 1) if arguments is None else arguments[1]
    picked = draw_shape(draw, 1, 2) if arguments is None else arguments[2]
    x, indices = draw_normal(draw, *shape), draw_generator(draw).integers(0, shape[axis], picked)
    run = lambda arena: {"y": arena.backend.take(arena.array(x), arena.integers(indices), axis)}  # noqa: E731
    wanted = np.stack([np.moveaxis(x, axis, 0)[i] for i in indices.ravel()]) if indices.size else x[:0]
    wanted = np.moveaxis(wanted.reshape((-1, *np.delete(shape, axis))), 0, axis)
    wanted = wanted.reshape((*shape[:axis], *picked, *shape[axis + 1 :]))
    return Case(f"shape {shape}, axis {axis}, indices {picked}", run, "exact", wanted={"y": wanted})


@CHECKS.add("transpose", grid=[((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4, 5), (0, 2, 3, 1)), ((3,), (0,))])
def transpose(draw: Draw, arguments: Any) -> Case:
    """y[i_axes[0], i_axes[1], ...] = x[i_0, i_1, ...]."""
    shape = draw_shape(draw) if arguments is None else arguments[0]
    axes = tuple(map(int, draw_generator(draw).permutation(len(shape)))) if arguments is None else arguments[1]
    x = draw_normal(draw, *shape)
    wanted = np.empty([shape[a] for a in axes])
    for place in np.ndindex(*wanted.shape):
        source = [0] * len(shape)
        for a, i in zip(axes, place, strict=True):
            source[a] = i
        wanted[place] = x[tuple(source)]
    run = lambda arena: {"y": arena.backend.transpose(arena.array(x), axes)}  # noqa: E731
    return Case(f"shape {shape}, axes {axes}", run, "exact", wanted={"y": wanted})


@CHECKS.add("concatenate", grid=[((2, 3), 0, (1, 2, 3)), ((2, 3, 2), 1, (2, 1)), ((4,), 0, (3,))])
def concatenate(draw: Draw, arguments: Any) -> Case:
    """Arrays joined along an axis."""
    shape = draw_shape(draw) if arguments is None else arguments[0]
    axis = draw.integer(0, len(shape) - 1) if arguments is None else arguments[1]
    lengths = [draw.integer(1, 4) for _ in range(draw.integer(1, 3))] if arguments is None else arguments[2]
    parts = [draw_normal(draw, *shape[:axis], length, *shape[axis + 1 :]) for length in lengths]
    run = lambda arena: {"y": arena.backend.concatenate([arena.array(p) for p in parts], axis=axis)}  # noqa: E731
    wanted = np.empty((*shape[:axis], sum(lengths), *shape[axis + 1 :]))
    start = 0
    for part in parts:
        np.moveaxis(wanted, axis, 0)[start : start + part.shape[axis]] = np.moveaxis(part, axis, 0)
        start += part.shape[axis]
    return Case(f"shape {shape}, axis {axis}, lengths {tuple(lengths)}", run, "exact", wanted={"y": wanted})


@CHECKS.add("matmul", grid=[(3, 4, 5), (1, 1, 1), (1, 7, 1), (5, 1, 3), (17, 33, 9), (64, 2304, 10), (130, 120, 1100)])
def matmul(draw: Draw, sizes: tuple[int, int, int] | None) -> Case:
    """y[i, j] = sum over k of x[i, k] y[k, j]."""
    rows, inner, columns = sizes or tuple(draw.integer(1, 40) for _ in range(3))
    scale = 1.0 if sizes else draw.choice((1e-20, 1.0, 1e20))
    x, y = draw_normal(draw, rows, inner, scale=scale), draw_normal(draw, inner, columns)
    wanted = np.zeros((rows, columns))
    for k in range(inner):  # a sum of outer products: independent of the matrix product of any library
        wanted += x[:, k, None] * y[None, k]
    run = lambda arena: {"y": arena.backend.matmul(arena.array(x), arena.array(y))}  # noqa: E731
    return Case(f"({rows}, {inner}) ({inner}, {columns})", run, wanted={"y": wanted}, scale=scale)
