"""Wrong sums, maxima, products, moves and draws."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, other, roundings
from cnnkit.parity.recording import Call, again


def _count(call: Call) -> Any:
    x, axis = call["x"], call["axis"]
    return x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])


def _last_maximum(_: Backend, call: Call) -> Any:
    x, axis = call["x"], call["axis"]
    return x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis=axis)


def _words(bits: int) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        return np.asarray(again(oracle, call)) * 2.0**24 // 2.0 ** (24 - bits) / 2.0**bits

    return mistake


MISTAKES: Mistakes = {
    "sum": {"the mean is taken instead of the sum": lambda oracle, call: again(oracle, call) / _count(call)},
    "mean": {
        "the sum is taken instead of the mean": lambda oracle, call: again(oracle, call) * _count(call),
        "the sum is divided by n - 1: unbiased where biased is meant": lambda oracle, call: (
            again(oracle, call) * _count(call) / (_count(call) - 1)
        ),
    },
    "argmax": {"of equal values the last is taken, not the first": _last_maximum},
    "maximum": {"the smaller value is taken": lambda _, call: np.minimum(call["x"], call["other"])},
    "where": {"x and y are exchanged": other(x=lambda call: call["y"], y=lambda call: call["x"])},
    "transpose": {
        "the axes are taken the other way round": other(axes=lambda call: tuple(np.argsort(call["axes"]).tolist()))
    },
    "matmul": {
        "the second factor is transposed": other(y=lambda call: call["y"].T),
        "the first factor is transposed": other(x=lambda call: call["x"].T),
        **roundings("x", "y"),
    },
    "uniform": {
        "the words of the key are exchanged": other(key=lambda call: call["key"][::-1]),
        "the step is ignored": other(step=lambda _: 0),
        "the position of the first draw is ignored": other(start=lambda _: 0),
        "values have fewer than 24 bits": _words(16),
    },
}
