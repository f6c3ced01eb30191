"""The error function for array modules without one: its Chebyshev interpolant, computed once from math.erf."""

import functools
import math
from typing import Any

from cnnkit.backends.protocol import Native

_LIMIT = {"float32": 4.0, "float64": 6.0}  # beyond, erf is 1 to the last bit
_DEGREE = {"float32": 17, "float64": 36}


@functools.cache
def _coefficients(dtype: str) -> tuple[float, ...]:
    """Chebyshev coefficients of erf(x)/x, which is even, as a function of x**2 on [0, limit**2]."""
    limit, count = _LIMIT[dtype], _DEGREE[dtype] + 1
    # The angles are multiples of pi/2/count; full turns are removed from the integer factors, so no bit is lost.
    cosines = [math.cos(math.pi * k / (2 * count)) for k in range(4 * count)]
    x = [math.sqrt((1 + cosines[2 * j + 1]) / 2) * limit for j in range(count)]
    quotients = [math.erf(v) / v for v in x]
    sums = [
        math.fsum(q * cosines[k * (2 * j + 1) % (4 * count)] for j, q in enumerate(quotients)) for k in range(count)
    ]
    return (sums[0] / count, *(2 * s / count for s in sums[1:]))


def erf(xp: Any, x: Native) -> Native:
    """2/sqrt(pi) * integral of exp(-t**2) from 0 to x, by Clenshaw's recurrence.

    The error is below 3e-7 in float32 and 1e-14 in float64.
    """
    dtype = str(x.dtype)
    limit = _LIMIT[dtype]
    clipped = xp.clip(x, -limit, limit)
    t = clipped * clipped * (2 / limit**2) - 1
    first, second = xp.zeros_like(t), xp.zeros_like(t)
    *rest, last = _coefficients(dtype)[::-1]
    for coefficient in rest:
        first, second = 2 * t * first - second + coefficient, first
    return xp.clip(clipped * (t * first - second + last), -1, 1)
