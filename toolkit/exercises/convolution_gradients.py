"""The exercise conv2d-backward: the gradients of a convolution."""

from typing import Any

import numpy as np

from cnnkit.exercises.convolution import convolve, draw, draw_race, pad
from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having, replacing
from cnnkit.exercises.oracle import ORACLE
from cnnkit.exercises.terms import write_place, write_sum

TEXT = """Return the gradients of a loss with respect to x, weight and bias of conv2d.

dy (N, O, P, Q): the gradient of the loss with respect to y = conv2d(x, weight, bias, stride, padding)
x, weight, stride, padding: those of the forward pass

dx (N, C, H, W): each dy[n, o, p, q] goes back through weight[o] to the window it came from; windows that overlap
add up; what falls on the padding is dropped.
dweight (O, C, K, L): each dy[n, o, p, q] times the window, summed over pictures and places.
dbias (O,): dy summed over pictures and places.
"""
GIVES = ("dx", "dweight", "dbias")


def differentiate(dy: Any, x: Any, weight: Any, stride: int, padding: int) -> tuple[Any, Any, Any]:
    """Return the right (dx, dweight, dbias)."""
    how = ((stride, stride), ((padding, padding),) * 2, (1, 1), 1)
    dx = ORACLE.convolve_input_gradient(dy, weight, x.shape, *how)
    return dx, ORACLE.convolve_weight_gradient(dy, x, weight.shape, *how), dy.sum((0, 2, 3))


def draw_gradients(rng: np.random.Generator) -> list[Arguments]:
    """Return the cases of the forward pass, with gradients of its results."""
    return [_turn_round(rng, case) for case in draw(rng)]


def _turn_round(rng: np.random.Generator, case: Arguments) -> Arguments:
    y = convolve(**case)
    return {"dy": rng.normal(size=y.shape)} | {name: value for name, value in case.items() if name != "bias"}


def _scatter(
    dy: Any, x: Any, weight: Any, stride: int, padding: int, adds: bool = True, step: int | None = None
) -> Any:
    """Return dx by windows, which overwrite each other unless it `adds`, `step` apart."""
    framed, step = np.zeros(pad(x, *(padding,) * 4).shape), step or stride
    rows, columns = weight.shape[2:]
    for p, q in np.ndindex(*dy.shape[2:]):
        window = (slice(None), slice(None), slice(p * step, p * step + rows), slice(q * step, q * step + columns))
        values = np.tensordot(dy[:, :, p, q], weight, (1, 0))
        framed[window] = framed[window] + values if adds else values
    return framed[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]


def _crop(begin: int) -> Any:
    def wrong(_: Any, dy: Any, x: Any, weight: Any, stride: int, padding: int) -> Any:
        framed = differentiate(dy, pad(x, *(padding,) * 4), weight, stride, 0)[0]
        first = begin * padding
        return framed[:, :, first : first + x.shape[2], first : first + x.shape[3]]

    return wrong


def _keep_padding(_: Any, dy: Any, x: Any, weight: Any, stride: int, padding: int) -> Any:
    return differentiate(dy, pad(x, *(padding,) * 4), weight, stride, 0)[0]


def _forget_padding(_: Any, dy: Any, x: Any, weight: Any, stride: int, padding: int) -> Any:
    """The windows of x without its borders, as far as they reach."""
    wide = pad(x, 0, 2 * padding, 0, 2 * padding)
    return differentiate(dy, wide, weight, stride, 0)[1]


_of = replacing
_MISTAKES = {
    "dbias is not summed over the batch": _of(differentiate, dbias=lambda _, dy, **__: dy.sum((2, 3))),
    "dbias is summed over the batch alone, not over places": _of(differentiate, dbias=lambda _, dy, **__: dy.sum(0)),
    "dbias is averaged over the batch": _of(differentiate, dbias=lambda right, dy, **_: right / len(dy)),
    "dbias is averaged over batch and places": _of(differentiate, dbias=lambda _, dy, **__: dy.mean((0, 2, 3))),
    "dweight is averaged over the batch: the loss has done that": _of(
        differentiate, dweight=lambda right, dy, **_: right / len(dy)
    ),
    "dweight is of the last picture alone: the sum over the batch is missing": _of(
        differentiate, dweight=lambda _, dy, x, **rest: differentiate(dy[-1:], x[-1:], **rest)[1]
    ),
    "dweight is of the first picture alone: the sum over the batch is missing": _of(
        differentiate, dweight=lambda _, dy, x, **rest: differentiate(dy[:1], x[:1], **rest)[1]
    ),
    "dweight is of the last place alone: the sum over places is missing": _of(
        differentiate, dweight=lambda _, dy, **rest: differentiate(dy * _last_place(dy), **rest)[1]
    ),
    "dweight is overwritten at each place: add, += instead of =": _of(
        differentiate, dweight=lambda _, dy, x, **rest: differentiate(dy[-1:] * _last_place(dy), x[-1:], **rest)[1]
    ),
    "dx is overwritten at each place: add, += instead of =": _of(
        differentiate, dx=lambda _, dy, weight, **rest: _scatter(dy[:, -1:], weight=weight[-1:], **rest, adds=False)
    ),
    "dweight is flipped": _of(differentiate, dweight=lambda right, **_: right[:, :, ::-1, ::-1]),
    "dweight is computed from x without its padding": _of(differentiate, dweight=_forget_padding),
    "windows of dx overwrite each other where they overlap, instead of adding up": _of(
        differentiate, dx=lambda _, **arguments: _scatter(**arguments, adds=False)
    ),
    "the stride is ignored where dx is put together": _of(
        differentiate, dx=lambda _, **arguments: _scatter(**arguments, step=1)
    ),
    "dx still has its padding": _of(differentiate, dx=_keep_padding),
    "the padding is cut from the wrong side of dx: it begins at row and column padding": _of(
        differentiate, dx=_crop(0)
    ),
    "the padding is cut from one side of dx alone": _of(differentiate, dx=_crop(2)),
    "the kernel is flipped on the way to dx": _of(
        differentiate, dx=lambda _, weight, **rest: differentiate(weight=weight[:, :, ::-1, ::-1], **rest)[0]
    ),
    "dx is of the last kernel alone: the sum over output channels is missing": _of(
        differentiate, dx=lambda _, dy, weight, **rest: differentiate(dy[:, -1:], weight=weight[-1:], **rest)[0]
    ),
    "dx is averaged over the batch": _of(differentiate, dx=lambda right, dy, **_: right / len(dy)),
}
MISTAKES: dict[str, Solve] = {words: mistake(GIVES) for words, mistake in _MISTAKES.items()} | {
    "dx and dweight are returned in each other's place": lambda **arguments: tuple(
        differentiate(**arguments)[place] for place in (1, 0, 2)
    ),
    "the stride is ignored": having(differentiate, stride=lambda **_: 1),
}


def _last_place(dy: Any) -> Any:
    mask = np.zeros(dy.shape[2:])
    mask[-1, -1] = 1
    return mask


def derive(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    """Return the products of a value."""
    dy, x, weight, stride, padding = (arguments[name] for name in ("dy", "x", "weight", "stride", "padding"))
    if result == "dbias":
        products = write_sum(dy[:, place[0]], np.ones_like(dy[:, 0]))
        return f"{write_place(result, place)}: all of dy[:, {place[0]}]: {products}"
    if result == "dweight":
        o, c, k, m = place
        rows, columns = dy.shape[2:]
        seen = pad(x, *(padding,) * 4)[:, c, k::stride, m::stride][:, :rows, :columns]
        what = f"dy[:, {o}] times what row {k}, column {m} of the kernel saw of channel {c}"
        return f"{write_place(result, place)}: {what}: {write_sum(dy[:, o], seen)}"
    n, c, row, column = place
    given, through = [], []
    for o, p, q in np.ndindex(*dy.shape[1:]):
        k, m = row + padding - p * stride, column + padding - q * stride
        if 0 <= k < weight.shape[2] and 0 <= m < weight.shape[3]:
            given.append(dy[n, o, p, q])
            through.append(weight[o, c, k, m])
    what = "each dy whose window saw this value, times the weight that it saw it with"
    return f"{write_place(result, place)}: {what}: {write_sum(given, through)}"


def run_ours(backend: Any, arguments: Arguments) -> Any:
    """Compute the gradients on a backend."""
    dy, x, weight = (arguments[name] for name in ("dy", "x", "weight"))
    stride, padding = arguments["stride"], arguments["padding"]
    how = ((stride,) * 2, ((padding,) * 2,) * 2, (1, 1), 1)
    dx = backend.convolve_input_gradient(dy, weight, x.shape, *how)
    return dx, backend.convolve_weight_gradient(dy, x, weight.shape, *how), dy.sum((0, 2, 3))


CONV2D_BACKWARD = Exercise(
    "conv2d-backward",
    "the gradients of a convolution",
    (Problem("conv2d_backward", ("dy", "x", "weight", "stride", "padding"), GIVES, TEXT, draw_gradients, differentiate,
             MISTAKES, derive, lambda rng: _turn_round(rng, draw_race(rng)), run_ours),),
)  # fmt: skip
