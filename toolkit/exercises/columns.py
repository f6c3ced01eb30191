"""The exercise im2col: the windows of pictures as rows of a matrix."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnkit.exercises.convolution import pad
from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having
from cnnkit.exercises.terms import write_number, write_place

TEXT = """Return the windows of pictures as rows, so that a convolution becomes one product of matrices.

x (N, C, H, W); window (K, L); stride and padding as in conv2d, with zeros

columns (N * P * Q, C * K * L): a row for each window, picture by picture, and in a picture row by row; in each row
the window's values channel by channel, and in a channel row by row. Then columns @ weight.reshape(O, -1).T + bias
are the values of conv2d.
"""


def _see(x: Any, window: tuple[int, int], stride: int, padding: int) -> Any:
    """Return the windows (N, P, Q, C, K, L)."""
    seen = sliding_window_view(pad(x, *(padding,) * 4), tuple(window), (2, 3))
    return seen[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)


def take_columns(x: Any, window: tuple[int, int], stride: int, padding: int) -> Any:
    """Return the right matrix."""
    return _arrange(_see(x, window, stride, padding), (0, 1, 2, 3, 4, 5))


def _arrange(seen: Any, axes: tuple[int, ...]) -> Any:
    return seen.transpose(axes).reshape(int(np.prod([seen.shape[axis] for axis in axes[:3]])), -1)


def _ordered(*axes: int) -> Any:
    return lambda **arguments: _arrange(_see(**arguments), axes)


def _pad_one_side(x: Any, window: tuple[int, int], stride: int, padding: int) -> Any:
    return take_columns(pad(x, padding, 0, padding, 0), window, stride, 0)


MISTAKES: dict[str, Solve] = {
    "a row has its values place by place: channels come first, then rows, then columns": _ordered(0, 1, 2, 4, 5, 3),
    "a row has the columns of the window before its rows": _ordered(0, 1, 2, 3, 5, 4),
    "the pictures come last: rows are ordered by place, then by picture": _ordered(1, 2, 0, 3, 4, 5),
    "windows are ordered column by column": _ordered(0, 2, 1, 3, 4, 5),
    "the matrix is transposed: a window should be a row": lambda **arguments: take_columns(**arguments).T,
    "the window is flipped": lambda **arguments: _arrange(_see(**arguments)[..., ::-1, ::-1], (0, 1, 2, 3, 4, 5)),
    "the stride is ignored": having(take_columns, stride=lambda **_: 1),
    "the padding is ignored": having(take_columns, padding=lambda **_: 0),
    "the padding is on one side alone: top and left": _pad_one_side,
    "rows and columns of the window are exchanged": having(take_columns, window=lambda window, **_: window[::-1]),
    "the windows are not brought into two axes": _see,
}


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return cases of several windows."""
    cases = [((2, 3, 6, 5), (3, 2), 1, 0), ((3, 2, 7, 8), (2, 3), 2, 1), ((2, 1, 5, 5), (3, 3), 1, 1)]
    return [
        {"x": rng.normal(size=shape), "window": window, "stride": stride, "padding": padding}
        for shape, window, stride, padding in cases
    ]


def derive(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    """Return where a value comes from."""
    x, window, stride, padding = (arguments[name] for name in ("x", "window", "stride", "padding"))
    seen = _see(x, window, stride, padding)
    n, p, q = np.unravel_index(place[0], seen.shape[:3])
    c, k, m = np.unravel_index(place[1], seen.shape[3:])
    row, column = p * stride + k - padding, q * stride + m - padding
    inside = 0 <= row < x.shape[2] and 0 <= column < x.shape[3]
    value = f"x[{n}, {c}, {row}, {column}] = {write_number(x[n, c, row, column])}" if inside else "0, as it is padding"
    where = f"window ({p}, {q}) of picture {n}, channel {c}, row {k}, column {m} of the window"
    return f"{write_place(result, place)}: {where}: {value}"


def draw_race(rng: np.random.Generator) -> Arguments:
    """Return a layer's input."""
    return {"x": rng.normal(size=(8, 8, 28, 28)), "window": (3, 3), "stride": 1, "padding": 1}


IM2COL = Exercise(
    "im2col",
    "the windows of a convolution as a matrix",
    (Problem("im2col", ("x", "window", "stride", "padding"), ("columns",), TEXT, draw, take_columns, MISTAKES, derive,
             draw_race, lambda _, arguments: take_columns(**arguments)),),
)  # fmt: skip
