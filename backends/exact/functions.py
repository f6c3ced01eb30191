"""exp, log, log1p, tanh, erf and powers from IEEE operations alone: float64 additions, products and divisions.

Each operation is a call of its own, so that no compiler joins a product and a sum into an FMA, and each is correctly
rounded on every machine: the results have the same bits everywhere. They are float64 with a relative error below 2^-44,
so that rounded to float32 they are within 0.50001 units of the last place, and nearly always the nearest float32.
Arguments are float64 that hold float32 values. Tables: after Tang 1989, 1990 (exp, log).
"""

from collections.abc import Sequence
from typing import Any

from cnnkit.backends.arrays import Native
from cnnkit.backends.exact import tables

ROUNDER = 1.5 * 2.0**52  # adding and subtracting it rounds to whole numbers
LEAST_EXPONENT, MOST_EXPONENT = -104.0, 89.0  # exp is 0 below and infinite above, in float32
SIGNIFICAND_BITS, BIAS = 52, 1023
_EXP = (1 / 120, 1 / 24, 1 / 6, 1 / 2)
_LOG1P = (1 / 7, -1 / 6, 1 / 5, -1 / 4, 1 / 3, -1 / 2)
_SMALL = 2.0**-8
_FIRST_BITS = 0x3FE6400000000000  # of FIRST_LOG / LOG_STEPS
_INFINITY, _NAN = float("inf"), float("nan")


def exp(backend: Any, x: Native) -> Native:
    """Return e^x."""
    scale, p = _split_exp(backend, x)
    return _keep_nan(backend, x, scale + scale * p)


def expm1(backend: Any, x: Native) -> Native:
    """Return e^x - 1, accurate for small x."""
    scale, p = _split_exp(backend, x)
    return _keep_nan(backend, x, (scale - 1.0) + scale * p)


def _split_exp(backend: Any, x: Native) -> tuple[Native, Native]:
    """Return (2^(k / 64), e^r - 1) of x = k ln 2 / 64 + r: their exact product, and the first, make e^x."""
    high, low = tables.halves_of_ln2(tables.EXP_STEPS, 36)
    x = _clip(backend, backend.where(x == x, x, 0.0), LEAST_EXPONENT, MOST_EXPONENT)  # noqa: PLR0124 (not NaN)
    k = (x * (1.0 / (high + low)) + ROUNDER) - ROUNDER
    r = (x - k * high) - k * low
    p = r + r * r * _evaluate(_EXP, r)
    whole = backend.asarray(k, "int64")
    power = backend.take(backend.constant(tables.powers_of_two()), whole & (tables.EXP_STEPS - 1))
    doublings = ((whole >> 6) + BIAS) << SIGNIFICAND_BITS
    return power * doublings.view(backend.real_type), p


def log(backend: Any, x: Native) -> Native:
    """Return the natural logarithm: -infinity of 0, NaN below."""
    return _log(backend, x, None)


def log1p(backend: Any, x: Native) -> Native:
    """Return log(1 + x), accurate for small x."""
    return _log(backend, x + 1.0, x)


def _log(backend: Any, x: Native, beyond_one: Native | None) -> Native:
    """Return log x for x = 2^e m, m c = 1 + r: e ln 2 - log c + log1p(r). beyond_one: x - 1, where that is exact."""
    high, low = tables.halves_of_ln2(1, 40)
    good = (x > 0.0) & (x < _INFINITY)
    bits = backend.where(good, x, 1.0).view(backend.word_type)
    e = (bits - _FIRST_BITS) >> SIGNIFICAND_BITS
    m = (bits - (e << SIGNIFICAND_BITS)).view(backend.real_type)
    i = backend.asarray((m * float(tables.LOG_STEPS) + ROUNDER) - ROUNDER, "int64") - tables.FIRST_LOG
    r = m * backend.take(backend.constant(tables.reciprocals()), i) - 1.0
    if beyond_one is not None:
        r = backend.where((beyond_one < _SMALL) & (beyond_one > -_SMALL), beyond_one, r)
    e = backend.asarray(e, "float64")
    coarse = e * high + backend.take(backend.constant(tables.logs_of_reciprocals()), i)
    y = coarse + (r + (e * low + r * r * _evaluate(_LOG1P, r)))
    odd = backend.where(x > 0.0, x, backend.where(x == 0.0, backend.zeros((), "float64") - _INFINITY, _NAN))
    return backend.where(good, y, odd)


def tanh(backend: Any, x: Native) -> Native:
    """Return the hyperbolic tangent: -m / (2 + m) of m = e^(-2|x|) - 1, with the sign of x."""
    m = expm1(backend, backend.maximum(x, -x) * -2.0)
    y = -m / (m + 2.0)
    return backend.where(x < 0.0, -y, y)


def erf(backend: Any, x: Native) -> Native:
    """Return the error function, by its Taylor polynomial around the nearest sixteenth."""
    a = backend.where(x == x, backend.maximum(x, -x), 0.0)  # noqa: PLR0124 (not NaN)
    a = _clip(backend, a, 0.0, tables.LAST_ERF / tables.ERF_STEPS)
    centre = (a * float(tables.ERF_STEPS) + ROUNDER) - ROUNDER
    h, i = a - centre * (1.0 / tables.ERF_STEPS), backend.asarray(centre, "int64")
    y = _evaluate([backend.take(backend.constant(c), i) for c in reversed(tables.erf_coefficients())], h)
    return _keep_nan(backend, x, backend.where(x < 0.0, -y, y))


def power(backend: Any, x: Native, exponent: float) -> Native:
    """Return x^exponent = e^(exponent log x) of x >= 0; NaN below."""
    return exp(backend, log(backend, x) * exponent)


def _evaluate(coefficients: Sequence[Any], x: Native) -> Native:
    """Return a polynomial by Horner's rule, the coefficient of the highest degree first."""
    first, *rest = coefficients
    y = first
    for one in rest:
        y = y * x + one
    return y


def _clip(backend: Any, x: Native, least: float, most: float) -> Native:
    return -backend.maximum(-backend.maximum(x, least), -most)


def _keep_nan(backend: Any, x: Native, y: Native) -> Native:
    return backend.where(x == x, y, x)  # noqa: PLR0124 (not NaN)
