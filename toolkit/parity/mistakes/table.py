"""How a mistake is written: in words, and as what the oracle would answer if it made it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.recording import Call, again

Mistake = Callable[[Backend, Call], Any]  # -> the wrong result; raises where it cannot be made
Mistakes = dict[str, dict[str, Mistake]]  # member -> in words -> mistake


def change_arguments(**changes: Callable[[Call], Any]) -> Mistake:
    """Return the mistake of taking other arguments."""
    return lambda oracle, call: again(oracle, call.having(**{name: compute(call) for name, compute in changes.items()}))


def round_mantissa(values: Any, bits: int, nearest: bool = True) -> Any:
    """Return values with so many bits behind the leading one: 10 in TF32 and float16, 7 in bfloat16."""
    fraction, exponent = np.frexp(np.asarray(values, np.float64))
    scaled = fraction * 2.0 ** (bits + 1)
    return np.ldexp((np.rint if nearest else np.trunc)(scaled) / 2.0 ** (bits + 1), exponent)


def _round_arguments(factors: tuple[str, ...], bits: int, nearest: bool) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        return again(oracle, call.having(**{name: round_mantissa(call[name], bits, nearest) for name in factors}))

    return mistake


def round_factors(*factors: str) -> dict[str, Mistake]:
    """Return the mistakes of rounding the factors of a product."""
    kinds = {"TF32 or float16: 10 bits": 10, "bfloat16: 7 bits": 7}
    return {
        f"the factors are {verb} to {name}": _round_arguments(factors, bits, verb == "rounded")
        for verb in ("rounded", "cut")
        for name, bits in kinds.items()
    }
