"""Cutting, framing and selecting along one axis by fixed places, each beside its adjoint; linear maps along an axis."""

import functools
import math
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name

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
    return backend.take(x, backend.constant(_host_indices(indices)), axis=axis)


def select_gradient(backend: Backend, dy: Array, axis: int, indices: Indices, length: int) -> Array:
    """Return dx with `length` slices, dx[..., i, ...] = sum of dy[..., j, ...] where indices[j] = i.

    A fixed sum of takes, so the bits do not depend on the order in which a device writes.
    """
    rounds = _invert(indices, length)
    if len(rounds) > MOST_ROUNDS:
        return map_along(backend, dy, axis, backend.constant(_one_hot(indices, length), dtype_name(dy)))
    framed = frame(backend, dy, axis, 0, 1)
    first, *more = (backend.take(framed, backend.constant(places), axis=axis) for places in rounds)
    return sum(more, start=first)


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
