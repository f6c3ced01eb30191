"""The bounds of the parity contract, and the one comparison that all checks use."""

from typing import Any, Literal, NamedTuple

import numpy as np

from cnnkit.precision import EPSILON, HALF

Kind = Literal["forward", "gradient", "exact"]

_FLOAT32: dict[Kind, float] = {"forward": 1e-5, "gradient": 1e-4, "exact": 0.0}
_FLOAT64: dict[Kind, float] = {"forward": 1e-10, "gradient": 1e-10, "exact": 0.0}
TRAINING = 1e-7  # float64: weights after 100 steps, between any two backends
ULP_FACTOR = 10.0  # float32: times the difference that moving the initial weights by one ulp makes on one backend
HALF_ULP_FACTOR = 4.0  # the same in half precision
ROUNDINGS = 4.0  # half precision: forward and gradients of a layer, in roundings of the 16-bit type


class Comparison(NamedTuple):
    """The difference of two arrays: `error`, comparable with a bound, and the reason why it is infinite."""

    error: float
    problem: str = ""


def bound(kind: Kind, dtype: str) -> float:
    """Return the largest max|a - b| / (1 + max|b|) that is allowed."""
    if dtype in HALF:
        return 0.0 if kind == "exact" else ROUNDINGS * EPSILON[dtype]
    return (_FLOAT32 if dtype == "float32" else _FLOAT64)[kind]


def compare(got: Any, wanted: Any, *, scale: float = 1.0, relative: bool = False) -> Comparison:
    """Return max|a - b| / (1 + max|b|), at most t if and only if |a - b| <= t + t max|b| everywhere.

    scale: divides both first, so that the bound fits results of very small or very large arguments.
    relative: divide each difference by its own |b| instead.
    A different shape, NaN and infinities give an infinite error.
    """
    a, b = np.asarray(got), np.asarray(wanted)
    if a.shape != b.shape:
        return Comparison(np.inf, f"expected shape {b.shape}, got {a.shape}")
    a, b = a.astype(np.float64) / scale, b.astype(np.float64) / scale
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Comparison(np.inf, "NaN or infinity")
    difference, size = np.abs(a - b), np.abs(b)
    if relative:
        return Comparison(float((difference / np.where(difference > 0, np.maximum(size, 1e-30), 1.0)).max(initial=0.0)))
    return Comparison(float(difference.max(initial=0.0) / (1.0 + size.max(initial=0.0))))
