"""The exercise conv2d: a convolution forward."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having
from cnnkit.exercises.oracle import ORACLE
from cnnkit.exercises.terms import write_place, write_sum

TEXT = """Return the convolution of pictures with kernels, as networks compute it.

x (N, C, H, W): N pictures with C channels
weight (O, C, K, L): O kernels, each for all C channels
bias (O,): added to each value of its output channel
stride: how far the window moves, in both directions; padding: zeros added on all four sides

y (N, O, P, Q) with P = (H + 2 padding - K) // stride + 1 and Q alike; y[n, o, p, q] is bias[o] plus the sum of
all products of weight[o] with the window of the padded x[n] that begins at row p * stride, column q * stride.
The kernel is not flipped.
"""


def pad(x: Any, top: int, bottom: int, left: int, right: int, **how: Any) -> Any:
    """Return pictures with borders, of zeros unless `how` says otherwise."""
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), **how)


def convolve(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    """Return the right y."""
    return slide(pad(x, *(padding,) * 4), weight, (stride, stride)) + bias[:, None, None]


def slide(x: Any, weight: Any, stride: tuple[int, int]) -> Any:
    """Return the windows' products without padding or bias."""
    return ORACLE.convolve(np.asarray(x, np.float64), weight, stride, ((0, 0), (0, 0)), (1, 1), 1)


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return cases of several strides and paddings; kernels that are not square, and some that are."""
    cases = [(2, 3, 7, 6, 4, 3, 2, 1, 0), (2, 2, 8, 7, 3, 3, 3, 2, 1), (3, 1, 6, 9, 2, 2, 3, 3, 2),
             (2, 3, 5, 5, 5, 3, 3, 1, 1)]  # fmt: skip
    return [
        {
            "x": rng.normal(size=(n, c, h, w)), "weight": rng.normal(size=(o, c, k, m)), "bias": rng.normal(size=o),
            "stride": stride, "padding": padding,
        }
        for n, c, h, w, o, k, m, stride, padding in cases
    ]  # fmt: skip


def _crowd(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    """Windows one after the other, as many as the stride leaves."""
    right = convolve(x, weight, bias, stride, padding)
    return convolve(x, weight, bias, 1, padding)[:, :, : right.shape[2], : right.shape[3]]


def _pad_sides(*sides: int, **how: Any) -> Any:
    def wrong(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
        return convolve(pad(x, *(side * padding for side in sides), **how), weight, bias, stride, 0)

    return wrong


def _without_bias(**arguments: Any) -> Any:
    return np.zeros_like(arguments["bias"])


def _add_along_columns(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    return convolve(x, weight, np.zeros_like(bias), stride, padding) + bias


def _stop_early(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    return convolve(x, weight, bias, stride, padding)[:, :, :-1, :-1]


def _average(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    return convolve(x, weight / weight[0].size, bias, stride, padding)


def _stride_one_way(which: int) -> Any:
    def wrong(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
        strides = (stride, 1) if which == 0 else (1, stride)
        return slide(pad(x, *(padding,) * 4), weight, strides) + bias[:, None, None]

    return wrong


def _add_bias_to_products(x: Any, weight: Any, bias: Any, stride: int, padding: int) -> Any:
    return convolve(x, weight, bias * weight[0].size, stride, padding)


MISTAKES: dict[str, Solve] = {
    "the kernel is flipped: this is the convolution of mathematics, networks compute the correlation": having(
        convolve, weight=lambda weight, **_: weight[:, :, ::-1, ::-1]
    ),
    "rows and columns of the kernel are exchanged": having(convolve, weight=lambda weight, **_: weight.swapaxes(2, 3)),
    "the stride is ignored": having(convolve, stride=lambda **_: 1),
    "the window moves by one, whatever the stride": _crowd,
    "the stride is used for rows alone": _stride_one_way(0),
    "the stride is used for columns alone": _stride_one_way(1),
    "the padding is ignored": having(convolve, padding=lambda **_: 0),
    "the padding is on one side alone: top and left": _pad_sides(1, 0, 1, 0),
    "the padding is on one side alone: bottom and right": _pad_sides(0, 1, 0, 1),
    "the padding is all on one side: top and left": _pad_sides(2, 0, 2, 0),
    "the padding is all on one side: bottom and right": _pad_sides(0, 2, 0, 2),
    "rows alone are padded": _pad_sides(1, 1, 0, 0),
    "columns alone are padded": _pad_sides(0, 0, 1, 1),
    "the border is repeated instead of padded with zeros": _pad_sides(1, 1, 1, 1, mode="edge"),
    "the border is mirrored instead of padded with zeros": _pad_sides(1, 1, 1, 1, mode="reflect"),
    "the bias is missing": having(convolve, bias=_without_bias),
    "the bias is added along the columns, not to its channel": _add_along_columns,
    "the bias is added to each product": _add_bias_to_products,
    "the bias is subtracted": having(convolve, bias=lambda bias, **_: -bias),
    "the first channel alone is used: the sum over the channels is missing": having(
        convolve, x=lambda x, **_: x[:, :1], weight=lambda weight, **_: weight[:, :1]
    ),
    "the last channel alone is used: each channel overwrites the one before": having(
        convolve, x=lambda x, **_: x[:, -1:], weight=lambda weight, **_: weight[:, -1:]
    ),
    "the products are averaged instead of added": _average,
    "the last row and column are missing: (H - K) // stride + 1 windows fit": _stop_early,
    "ReLU is applied": lambda **arguments: np.maximum(convolve(**arguments), 0),
}


def derive(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    """Return the products of a value."""
    n, o, p, q = place
    x, weight, bias, stride, padding = (arguments[name] for name in ("x", "weight", "bias", "stride", "padding"))
    top, left, (rows, columns) = p * stride, q * stride, weight.shape[2:]
    window = pad(x, *(padding,) * 4)[n, :, top : top + rows, left : left + columns]
    where = f"rows {top} to {top + rows - 1} and columns {left} to {left + columns - 1} of x[{n}] with padding"
    return (
        f"{write_place(result, place)}: {where}, times weight[{o}]: {write_sum(window, weight[o], [('bias', bias[o])])}"
    )


def draw_race(rng: np.random.Generator) -> Arguments:
    """Return a layer that takes some milliseconds."""
    return {
        "x": rng.normal(size=(8, 8, 28, 28)), "weight": rng.normal(size=(16, 8, 3, 3)), "bias": rng.normal(size=16),
        "stride": 1, "padding": 1,
    }  # fmt: skip


def run_ours(backend: Any, arguments: Arguments) -> Any:
    """Compute y on a backend."""
    stride, padding = arguments["stride"], arguments["padding"]
    y = backend.convolve(arguments["x"], arguments["weight"], (stride,) * 2, ((padding,) * 2,) * 2, (1, 1), 1)
    return backend.add_bias(y, arguments["bias"])


CONV2D = Exercise(
    "conv2d",
    "a convolution, forward",
    (Problem("conv2d", ("x", "weight", "bias", "stride", "padding"), ("y",), TEXT, draw, convolve, MISTAKES, derive,
             draw_race, run_ours),),
)  # fmt: skip
