"""Reductions of the last axis of x (..., L) to y (..., 1), each beside its gradient."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Backend
from cnnkit.contracts import dtype_name


class Reduction(NamedTuple):
    """forward(backend, x) -> (y, what backward needs); backward(backend, kept, dy) -> dx."""

    forward: Callable[[Backend, Array], tuple[Array, Any]]
    backward: Callable[[Backend, Any, Array], Array]


def _spread(backend: Backend, dy: Array, length: int) -> Array:
    return dy * (backend.zeros((length,), dtype_name(dy)) + 1)


def _sum(backend: Backend, x: Array) -> tuple[Array, Any]:
    return backend.sum(x, axis=-1, keepdims=True), x.shape[-1]


def _sum_gradient(backend: Backend, length: int, dy: Array) -> Array:
    return _spread(backend, dy, length)


def _mean(backend: Backend, x: Array) -> tuple[Array, Any]:
    return backend.mean(x, axis=-1, keepdims=True), x.shape[-1]


def _mean_gradient(backend: Backend, length: int, dy: Array) -> Array:
    return _spread(backend, dy / length, length)


def _max(backend: Backend, x: Array) -> tuple[Array, Any]:
    y = backend.max(x, axis=-1, keepdims=True)
    first = backend.argmax(x, axis=-1).reshape(tuple(y.shape))
    places = backend.arange(x.shape[-1])
    last_nan = backend.max(backend.where(x != x, places, places * 0 - 1), axis=-1, keepdims=True)  # noqa: PLR0124
    return y, (backend.where(last_nan < 0, first, last_nan), places)


def _max_gradient(backend: Backend, kept: tuple[Array, Array], dy: Array) -> Array:
    winner, places = kept
    return backend.where(places == winner, dy, 0.0)


def _min(backend: Backend, x: Array) -> tuple[Array, Any]:
    y, kept = _max(backend, -x)
    return -y, kept


def _l1(backend: Backend, x: Array) -> tuple[Array, Any]:
    return backend.sum(backend.maximum(x, -x), axis=-1, keepdims=True), x


def _l1_gradient(backend: Backend, x: Array, dy: Array) -> Array:
    return backend.where(x > 0, dy, backend.where(x < 0, -dy, x * 0))


def _l2(backend: Backend, x: Array) -> tuple[Array, Any]:
    y = backend.sqrt(backend.sum(x * x, axis=-1, keepdims=True))
    return y, (x, y)


def _l2_gradient(backend: Backend, kept: tuple[Array, Array], dy: Array) -> Array:
    x, y = kept
    return x * (dy / backend.where(y == 0, y + 1, y))


def _prod(backend: Backend, x: Array) -> tuple[Array, Any]:
    """Multiply pairs of halves until one number is left; `kept` are the pairs.

    So the gradient, in which no number divides another, is right where some of them are 0.
    """
    levels = []
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        left, right = x[..., :half], x[..., half : 2 * half]
        levels.append((left, right))
        rest = [x[..., 2 * half :]] if x.shape[-1] % 2 else []
        x = backend.concatenate([left * right, *rest], axis=-1) if rest else left * right
    return x, levels


def _prod_gradient(backend: Backend, levels: list[tuple[Array, Array]], dy: Array) -> Array:
    for left, right in reversed(levels):
        half = left.shape[-1]
        pairs = dy[..., :half]
        rest = [dy[..., half:]] if dy.shape[-1] > half else []
        dy = backend.concatenate([pairs * right, pairs * left, *rest], axis=-1)
    return dy


REDUCTIONS = {
    "mean": Reduction(_mean, _mean_gradient),
    "sum": Reduction(_sum, _sum_gradient),
    "max": Reduction(_max, _max_gradient),
    "min": Reduction(_min, _max_gradient),
    "prod": Reduction(_prod, _prod_gradient),
    "l1": Reduction(_l1, _l1_gradient),
    "l2": Reduction(_l2, _l2_gradient),
}
