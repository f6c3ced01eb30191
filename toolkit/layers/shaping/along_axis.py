"""Cutting, framing and selecting along one axis by fixed places, each beside its adjoint; linear maps along an axis."""

import functools
import math
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name
from cnnkit.resampling import Taps

Indices = tuple[int, ...]
MOST_ROUNDS = 8  # takes that an adjoint of a selection consists of; more of them cost more than a product


def cut(x: Array, axis: int, start: int, stop: int, step: int = 1) -> Array:
    """Return x from start to stop along an axis; 0 <= start < stop, step >= 1."""
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def frame(backend: Backend, x: Array, axis: int, before: int, after: int, value: float = 0.0) -> Array:
    """Return x with `before` and `after` slices of a value at the ends of an axis: for 0, the adjoint of `cut`."""
    parts = [x]
    for count, place in ((before, 0), (after, 2)):
        if count:
            filling = backend.zeros((*x.shape[:axis], count, *x.shape[axis + 1 :]), dtype_name(x))
            parts.insert(place, filling + value if value else filling)
    return x if len(parts) == 1 else backend.concatenate(parts, axis=axis)


def select(backend: Backend, x: Array, axis: int, indices: Indices) -> Array:
    """Return y[..., j, ...] = x[..., indices[j], ...]; 0 <= indices < the length of the axis."""
    return _gather(backend, x, axis, _host_indices(indices))


def select_gradient(backend: Backend, dy: Array, axis: int, indices: Indices, length: int) -> Array:
    """Return dx with `length` slices, dx[..., i, ...] = sum of dy[..., j, ...] where indices[j] = i.

    A fixed sum of takes, so the bits do not depend on the order in which a device writes.
    """
    rounds = _invert(indices, length)
    if len(rounds) > MOST_ROUNDS:
        return map_along(backend, dy, axis, backend.constant(_one_hot(indices, length), dtype_name(dy)))
    has_gaps = any(places.max() == len(indices) for places in rounds)
    source = frame(backend, dy, axis, 0, 1) if has_gaps else dy
    first, *more = (_gather(backend, source, axis, places) for places in rounds)
    return sum(more, start=first)


def weigh(backend: Backend, x: Array, axis: int, taps: Taps) -> Array:
    """Return y[..., o, ...] = sum over k of weights[k][o] x[..., sources[k][o], ...], a few weighted takes.

    What is not finite in x reaches the outputs alone that have a tap on it.
    """
    source, shape = frame(backend, x, axis, 0, 1) if taps.is_framed else x, (-1,) + (1,) * (x.ndim - axis - 1)
    first, *more = (
        _gather(backend, source, axis, places) * backend.constant(weights, dtype_name(x)).reshape(shape)
        for places, weights in zip(taps.sources, taps.weights, strict=True)
    )
    return sum(more, start=first)


def _gather(backend: Backend, x: Array, axis: int, places: Any) -> Array:
    """Return the slices of x at these places, as a view where they are evenly spaced."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if step > 0 and (np.diff(places) == step).all():
        return cut(x, axis, int(places[0]), int(places[-1]) + 1, step)
    return backend.take(x, backend.constant(places), axis=axis)


def map_along(backend: Backend, x: Array, axis: int, matrix: Array) -> Array:
    """Return y[..., o, ...] = sum over i of matrix[o, i] x[..., i, ...]; matrix (O, I), I the length of the axis."""
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    shape = (*before, matrix.shape[0], *after)
    if not after:
        rows = x.reshape((math.prod(before), x.shape[axis]))
        return backend.matmul(rows, backend.transpose(matrix, (1, 0))).reshape(shape)
    blocks = x.reshape((math.prod(before), x.shape[axis], math.prod(after)))
    return backend.matmul(matrix, blocks).reshape(shape)


@functools.lru_cache(maxsize=256)
def _host_indices(indices: Indices) -> Any:
    return np.array(indices, np.int64)


@functools.lru_cache(maxsize=256)
def _invert(indices: Indices, length: int) -> tuple[Any, ...]:
    """Return arrays of `length` places j with indices[j] = i, each j once; len(indices) where there is none."""
    values = np.array(indices, np.int64)
    order = np.argsort(values, kind="stable")
    counts = np.bincount(values, minlength=length)
    firsts = np.cumsum(counts) - counts
    rounds = []
    for k in range(max(int(counts.max()), 1)):
        places = np.full(length, len(indices))
        has_more = counts > k
        places[has_more] = order[firsts[has_more] + k]
        rounds.append(places)
    return tuple(rounds)


@functools.lru_cache(maxsize=64)
def _one_hot(indices: Indices, length: int) -> Any:
    return (np.arange(length)[:, None] == np.array(indices)).astype(np.float64)
