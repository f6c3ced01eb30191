"""The bounds of the parity contract, and the one comparison that every check goes through."""

from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["forward", "gradient", "exact"]

_FLOAT32: dict[Kind, float] = {"forward": 1e-5, "gradient": 1e-4, "exact": 0.0}
_FLOAT64: dict[Kind, float] = {"forward": 1e-10, "gradient": 1e-10, "exact": 0.0}
TRAINING = 1e-7  # float64: weights after 100 steps, between any two backends
ULP_FACTOR = 10.0  # float32: times the divergence of one backend from itself, its initial weights moved by one ulp


class Comparison(NamedTuple):
    """How far two arrays are apart: `error` in the measure that the bound is stated in, or what makes it infinite."""

    error: float
    problem: str = ""


def bound(kind: Kind, dtype: str) -> float:
    """Return the largest error allowed: of max|a - b| / (1 + max|b|)."""
    return (_FLOAT32 if dtype == "float32" else _FLOAT64)[kind]


def compare(got: Any, wanted: Any, *, scale: float = 1.0, relative: bool = False) -> Comparison:
    """Return max|a - b| / (1 + max|b|), which is at most t just where |a - b| <= t + t max|b| holds everywhere.

    scale: divides both first, so that results of tiny or huge arguments are judged like those of usual ones.
    relative: each difference is divided by its own |b| instead.
    Another shape, NaN and infinities are infinitely far away.
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
