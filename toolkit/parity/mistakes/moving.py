"""Mistakes in sums, maxima, products, rearrangements and random draws."""

from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.mistakes.table import Mistake, Mistakes, change_arguments, round_factors
from cnnkit.parity.recording import Call, ask_oracle


def _count_terms(call: Call) -> Any:
    x, axis = call["x"], call["axis"]
    return x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])


def _find_last_maximum(_: Backend, call: Call) -> Any:
    x, axis = call["x"], call["axis"]
    return x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis=axis)


def _shorten_draws(bits: int) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        return np.asarray(ask_oracle(oracle, call)) * 2.0**24 // 2.0 ** (24 - bits) / 2.0**bits

    return mistake


MISTAKES: Mistakes = {
    "sum": {"the mean is taken instead of the sum": lambda oracle, call: ask_oracle(oracle, call) / _count_terms(call)},
    "mean": {
        "the sum is taken instead of the mean": lambda oracle, call: ask_oracle(oracle, call) * _count_terms(call),
        "the sum is divided by n - 1: unbiased instead of biased": lambda oracle, call: (
            ask_oracle(oracle, call) * _count_terms(call) / (_count_terms(call) - 1)
        ),
    },
    "argmax": {"the last of equal values is chosen instead of the first": _find_last_maximum},
    "maximum": {"the smaller value is chosen": lambda _, call: np.minimum(call["x"], call["other"])},
    "where": {"x and y are exchanged": change_arguments(x=lambda call: call["y"], y=lambda call: call["x"])},
    "transpose": {
        "the axes are permuted by the inverse permutation": change_arguments(
            axes=lambda call: tuple(np.argsort(call["axes"]).tolist())
        )
    },
    "matmul": {
        "the second factor is transposed": change_arguments(y=lambda call: call["y"].T),
        "the first factor is transposed": change_arguments(x=lambda call: call["x"].T),
        **round_factors("x", "y"),
    },
    "uniform": {
        "the words of the key are exchanged": change_arguments(key=lambda call: call["key"][::-1]),
        "the step is ignored": change_arguments(step=lambda _: 0),
        "the position of the first draw is ignored": change_arguments(start=lambda _: 0),
        "values have fewer than 24 bits": _shorten_draws(16),
    },
}
