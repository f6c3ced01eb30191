"""The error function for array modules without one, to the last bit or the one beside it.

Near 0 erf(x) = x + x*near(x^2); beyond, erf(x) = 1 - exp(-x^2) * far(1/x). Both smooth functions are Chebyshev
interpolants that are computed once, in decimal arithmetic from the Taylor series of erf. What they add is small beside
what they are added to, so that their rounding hardly shows.
"""

import functools
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

from cnnkit.backends.protocol import Native

_EDGE = 1.0  # between the two parts
_LIMIT = {"float32": 4.0, "float64": 6.0}  # beyond, erf is 1 to the last bit
_DEGREES = {"float32": (7, 8), "float64": (14, 22)}  # of the near and the far part
_DIGITS, _TERMS = 60, 200


def erf(xp: Any, x: Native) -> Native:
    """2/sqrt(pi) * integral of exp(-t^2) from 0 to x, within one unit in the last place of math.erf."""
    dtype = str(x.dtype)
    limit = _LIMIT[dtype]
    near, far = _coefficients(dtype)
    size = xp.clip(xp.maximum(x, -x), _EDGE, limit)
    small = xp.clip(x, -_EDGE, _EDGE)
    inner = small + small * _clenshaw(near, small * small * (2 / _EDGE**2) - 1)
    slope, shift = _to_unit(1 / limit, 1 / _EDGE)
    outer = 1 - xp.exp(-size * size) * _clenshaw(far, 1 / size * slope + shift)
    return xp.where(x > _EDGE, outer, xp.where(x < -_EDGE, -outer, inner))


def _clenshaw(coefficients: tuple[float, ...], t: Native) -> Native:
    """Return the sum of coefficients[k] * T_k(t) for t in [-1, 1]."""
    twice = t + t
    first, second = coefficients[-1], 0.0
    for coefficient in coefficients[-2:0:-1]:
        first, second = twice * first + (coefficient - second), first
    return t * first + (coefficients[0] - second)


def _to_unit(low: float, high: float) -> tuple[float, float]:
    """Return (slope, shift) of the line from [low, high] to [-1, 1]."""
    return 2 / (high - low), -(high + low) / (high - low)


@functools.cache
def _coefficients(dtype: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the Chebyshev coefficients of erf(x)/x - 1 in x^2, and of exp(x^2) * (1 - erf(x)) in 1/x."""
    near, far = _DEGREES[dtype]
    with localcontext() as context:
        context.prec = _DIGITS
        return (
            _interpolate(lambda square: _series(square) - 1, 0.0, _EDGE**2, near),
            _interpolate(lambda inverse: _scaled_rest(1 / inverse), 1 / _LIMIT[dtype], 1 / _EDGE, far),
        )


def _interpolate(function: Callable[[Decimal], Decimal], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Return the coefficients of the polynomial that equals the function at degree + 1 Chebyshev nodes."""
    count = degree + 1
    # The angles are multiples of pi/2/count; full turns are removed from the integer factors, so no bit is lost.
    cosines = [math.cos(math.pi * k / (2 * count)) for k in range(4 * count)]
    middle, half = (Decimal(high) + Decimal(low)) / 2, (Decimal(high) - Decimal(low)) / 2
    values = [function(middle + half * Decimal(cosines[2 * j + 1])) for j in range(count)]
    sums = [
        sum((v * Decimal(cosines[k * (2 * j + 1) % (4 * count)]) for j, v in enumerate(values)), Decimal(0))
        for k in range(count)
    ]
    return (float(sums[0] / count), *(float(2 * s / count) for s in sums[1:]))


def _series(square: Decimal) -> Decimal:
    """Return erf(x)/x = 2/sqrt(pi) * sum of (-x^2)^n / (n! (2n+1)), x^2 = square <= 36."""
    total, power = Decimal(0), Decimal(1)
    for n in range(_TERMS):
        total += power / (2 * n + 1)
        power *= -square / (n + 1)
    return 2 * total / _PI.sqrt()


def _scaled_rest(x: Decimal) -> Decimal:
    return (x * x).exp() * (1 - x * _series(x * x))


_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
