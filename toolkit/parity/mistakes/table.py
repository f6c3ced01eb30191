"""The form of a mistake: its description, and a function that computes the wrong result with the oracle."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.recording import Call, ask_oracle

Mistake = Callable[[Backend, Call], Any]  # -> the wrong result; raises if the mistake is impossible for this call
Mistakes = dict[str, dict[str, Mistake]]  # member -> description -> mistake


def change_arguments(**changes: Callable[[Call], Any]) -> Mistake:
    """Return the mistake of using other arguments: name -> function that computes the argument from the call."""
    return lambda oracle, call: ask_oracle(
        oracle, call.having(**{name: compute(call) for name, compute in changes.items()})
    )


def round_mantissa(values: Any, bits: int, nearest: bool = True) -> Any:
    """Return values with `bits` bits after the leading one: 10 in TF32 and float16, 7 in bfloat16."""
    fraction, exponent = np.frexp(np.asarray(values, np.float64))
    scaled = fraction * 2.0 ** (bits + 1)
    return np.ldexp((np.rint if nearest else np.trunc)(scaled) / 2.0 ** (bits + 1), exponent)


def _round_arguments(factors: tuple[str, ...], bits: int, nearest: bool) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        return ask_oracle(oracle, call.having(**{name: round_mantissa(call[name], bits, nearest) for name in factors}))

    return mistake


def round_factors(*factors: str) -> dict[str, Mistake]:
    """Return the mistakes of rounding or truncating the factors of a product."""
    kinds = {"TF32 or float16: 10 bits": 10, "bfloat16: 7 bits": 7}
    return {
        f"the factors are {verb} to {name}": _round_arguments(factors, bits, verb == "rounded")
        for verb in ("rounded", "cut")
        for name, bits in kinds.items()
    }
