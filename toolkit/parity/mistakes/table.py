"""How a mistake is written: in words, and as what the oracle would answer if it made it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Backend
from cnnkit.parity.recording import Call, again

Mistake = Callable[[Backend, Call], Any]  # -> the wrong result; raises where it cannot be made
Mistakes = dict[str, dict[str, Mistake]]  # member -> in words -> mistake


def other(**changes: Callable[[Call], Any]) -> Mistake:
    """Return the mistake of taking other arguments."""
    return lambda oracle, call: again(oracle, call.having(**{name: make(call) for name, make in changes.items()}))


def mantissa(values: Any, bits: int, nearest: bool = True) -> Any:
    """Return values with so many bits behind the leading one: 10 in TF32 and float16, 7 in bfloat16."""
    fraction, exponent = np.frexp(np.asarray(values, np.float64))
    scaled = fraction * 2.0 ** (bits + 1)
    return np.ldexp((np.rint if nearest else np.trunc)(scaled) / 2.0 ** (bits + 1), exponent)


def _rounding(factors: tuple[str, str], bits: int, nearest: bool) -> Mistake:
    def mistake(oracle: Backend, call: Call) -> Any:
        return again(oracle, call.having(**{name: mantissa(call[name], bits, nearest) for name in factors}))

    return mistake


def roundings(*factors: str) -> dict[str, Mistake]:
    """Return the mistakes of rounding the factors of a product."""
    one, two = factors
    kinds = {"TF32 or float16: 10 bits": 10, "bfloat16: 7 bits": 7}
    found = {f"the factors are rounded to {name}": _rounding((one, two), bits, True) for name, bits in kinds.items()}
    cut = {f"the factors are cut to {name}": _rounding((one, two), bits, False) for name, bits in kinds.items()}
    return found | cut
