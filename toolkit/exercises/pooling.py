"""The exercise pooling: maxima of windows, and where their gradients go."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having
from cnnkit.exercises.oracle import ORACLE
from cnnkit.exercises.terms import write_number, write_place

FORWARD = """Return the largest value of each window.

x (N, C, H, W); window: height and width of the square window; stride: how far it moves

y (N, C, P, Q) with P = (H - window) // stride + 1 and Q alike: y[n, c, p, q] is the maximum of the window of
x[n, c] that begins at row p * stride, column q * stride. Rows and columns that fill no window are dropped.
"""
BACKWARD = """Return the gradient of a loss with respect to x of max_pool.

dy (N, C, P, Q): the gradient with respect to y = max_pool(x, window, stride); x, window, stride as there

dx (N, C, H, W): each dy[n, c, p, q] goes to the maximum of its window, to the first one in reading order where
several are equal. What a value gets from several windows adds up; all other values get 0.
"""


def take_maxima(x: Any, window: int, stride: int) -> Any:
    """Return the right y."""
    return _reduce(x, window, stride, lambda seen: seen.max((2, 3)))


def _reduce(
    x: Any, window: int, stride: int, reduce: Callable[[Any], Any], fill: float = -np.inf, more: int = 0
) -> Any:
    """Return what `reduce` makes of each window (N, C, K, K); of `more` windows too, in a frame of `fill`."""
    rows, columns = ((size - window) // stride + 1 + more for size in x.shape[2:])
    framed = np.pad(x, ((0, 0), (0, 0), (0, more * window), (0, more * window)), constant_values=fill)
    y = np.zeros((*x.shape[:2], rows, columns))
    for p, q in np.ndindex(rows, columns):
        y[:, :, p, q] = reduce(framed[:, :, p * stride : p * stride + window, q * stride : q * stride + window])
    return y


def send_back(dy: Any, x: Any, window: int, stride: int) -> Any:
    """Return the right dx."""
    _, saved = ORACLE.max_pool(x, (window,) * 2, (stride,) * 2, ((0, 0),) * 2, (1, 1))
    return ORACLE.max_pool_gradient(dy, saved, x.shape, (window,) * 2, (stride,) * 2, ((0, 0),) * 2, (1, 1))


def _share(choose: Callable[[Any], Any], adds: bool = True, at_window: bool = True) -> Callable[..., Any]:
    """Return the mistake of other shares: `choose` makes of a window's values (K * K,) the share of dy of each."""

    def wrong(dy: Any, x: Any, window: int, stride: int) -> Any:
        dx = np.zeros(x.shape)
        for n, c, p, q in np.ndindex(*dy.shape):
            seen = x[n, c, p * stride : p * stride + window, q * stride : q * stride + window]
            top, left = (p * stride, q * stride) if at_window else (0, 0)
            share = dy[n, c, p, q] * choose(seen.ravel()).reshape(seen.shape)
            part = dx[n, c, top : top + window, left : left + window]
            part[...] = part + share if adds else np.where(share == 0, part, share)
        return dx

    return wrong


def _mark(place: int, values: Any) -> Any:
    share = np.zeros(len(values))
    share[place] = 1
    return share


def _first(values: Any) -> Any:
    return _mark(int(np.argmax(values)), values)


def _last(values: Any) -> Any:
    return _mark(len(values) - 1 - int(np.argmax(values[::-1])), values)


def _compare_all(dy: Any, x: Any, window: int, stride: int) -> Any:
    """Dy of a window at every value of the picture that equals its maximum."""
    y, dx = take_maxima(x, window, stride), np.zeros(x.shape)
    for n, c, p, q in np.ndindex(*dy.shape):
        dx[n, c] += dy[n, c, p, q] * (x[n, c] == y[n, c, p, q])
    return dx


def _reduce_over_edge(x: Any, window: int, stride: int) -> Any:
    if all((size - window) % stride == 0 for size in x.shape[2:]):
        return take_maxima(x, window, stride)
    rows, columns = (-(-(size - window) // stride) + 1 for size in x.shape[2:])
    return _reduce(x, window, stride, lambda seen: seen.max((2, 3)), more=1)[:, :, :rows, :columns]


FORWARD_MISTAKES: dict[str, Solve] = {
    "the average is taken instead of the maximum": lambda x, window, stride: _reduce(x, window, stride, _average),
    "the minimum is taken instead of the maximum": lambda x, window, stride: _reduce(
        x, window, stride, lambda seen: seen.min((2, 3))
    ),
    "the largest magnitude is taken instead of the largest value": lambda x, window, stride: take_maxima(
        np.abs(x), window, stride
    ),
    "the search begins with 0, so negative maxima are lost": lambda x, window, stride: np.maximum(
        take_maxima(x, window, stride), 0
    ),
    "the stride is ignored: windows move by one": having(take_maxima, stride=lambda **_: 1),
    "the stride is ignored: windows stand beside each other": having(take_maxima, stride=lambda window, **_: window),
    "the maximum is taken over the channels too": lambda x, window, stride: np.broadcast_to(
        take_maxima(x, window, stride).max(1, keepdims=True), take_maxima(x, window, stride).shape
    ),
    "the last row and column are missing: (H - window) // stride + 1 windows fit": lambda x, window, stride: (
        take_maxima(x, window, stride)[:, :, :-1, :-1]
    ),
    "windows that reach over the edge are used too": _reduce_over_edge,
    "the sum is taken instead of the maximum": lambda x, window, stride: _reduce(
        x, window, stride, lambda seen: seen.sum((2, 3))
    ),
}
BACKWARD_MISTAKES: dict[str, Solve] = {
    "each of several equal maxima gets dy, not the first alone": _share(lambda v: (v == v.max()).astype(float)),
    "equal maxima share dy; the first one gets all": _share(lambda v: (v == v.max()) / (v == v.max()).sum()),
    "the last of equal maxima gets dy, not the first": _share(_last),
    "all values of a window share dy, as in average pooling": _share(lambda v: np.full(len(v), 1 / len(v))),
    "all values of a window get dy": _share(lambda v: np.ones(len(v))),
    "windows overwrite each other where they overlap, instead of adding up": _share(_first, adds=False),
    "the place in the window is used as a place in the picture": _share(_first, at_window=False),
    "every value of the picture that equals the maximum gets dy, outside of the window too": _compare_all,
    "dy is multiplied by the maximum": lambda dy, x, window, stride: send_back(
        dy * take_maxima(x, window, stride), x, window, stride
    ),
    "the minimum gets dy": _share(lambda v: _first(-v)),
    "dx is averaged over the batch": lambda **arguments: send_back(**arguments) / len(arguments["x"]),
}


def _average(seen: Any) -> Any:
    return seen.mean((2, 3))


def _draw_pictures(rng: np.random.Generator) -> Iterator[Arguments]:
    """Pictures with equal values, negative ones alone, and values equal to maxima of other windows."""
    for shape, window, stride in [
        ((2, 2, 6, 6), 2, 2),
        ((2, 3, 7, 8), 3, 2),
        ((1, 2, 5, 6), 2, 1),
        ((2, 1, 8, 8), 2, 3),
    ]:
        yield {"x": rng.integers(-9, 0, shape) / 2.0, "window": window, "stride": stride}
        yield {"x": rng.normal(size=shape) - 0.3, "window": window, "stride": stride}


def _draw_gradients(rng: np.random.Generator) -> list[Arguments]:
    return [{"dy": rng.normal(size=take_maxima(**case).shape)} | case for case in _draw_pictures(rng)]


def _derive_maximum(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    n, c, p, q = place
    x, window, stride = arguments["x"], arguments["window"], arguments["stride"]
    top, left = p * stride, q * stride
    seen = x[n, c, top : top + window, left : left + window]
    where = f"rows {top} to {top + window - 1}, columns {left} to {left + window - 1} of x[{n}, {c}]"
    return f"{write_place(result, place)}: the largest of {', '.join(map(write_number, seen.ravel()))} ({where})"


def _derive_share(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    n, c, row, column = place
    dy, x, window, stride = (arguments[name] for name in ("dy", "x", "window", "stride"))
    given = []
    for p, q in np.ndindex(*dy.shape[2:]):
        seen = x[n, c, p * stride : p * stride + window, q * stride : q * stride + window]
        k, m = np.unravel_index(int(np.argmax(seen)), seen.shape)
        if (p * stride + k, q * stride + m) == (row, column):
            given.append(f"{write_number(dy[n, c, p, q])} of window ({p}, {q})")
    return f"{write_place(result, place)}: {' + '.join(given) or 'the first maximum of no window: 0'}"


def _draw_race(rng: np.random.Generator) -> Arguments:
    return {"x": rng.normal(size=(8, 8, 28, 28)), "window": 2, "stride": 2}


def _run_ours(backend: Any, arguments: Arguments) -> Any:
    window, stride = arguments["window"], arguments["stride"]
    return backend.max_pool(arguments["x"], (window,) * 2, (stride,) * 2, ((0, 0),) * 2, (1, 1))[0]


POOLING = Exercise(
    "pooling",
    "max pooling, forward and backward",
    (
        Problem("max_pool", ("x", "window", "stride"), ("y",), FORWARD, lambda rng: list(_draw_pictures(rng)),
                take_maxima, FORWARD_MISTAKES, _derive_maximum, _draw_race, _run_ours),
        Problem("max_pool_backward", ("dy", "x", "window", "stride"), ("dx",), BACKWARD, _draw_gradients, send_back,
                BACKWARD_MISTAKES, _derive_share),
    ),
)  # fmt: skip
