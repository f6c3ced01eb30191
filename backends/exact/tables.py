"""Constants of `functions`, computed with decimal fractions: the same float64 on every machine, whatever its libm."""

import functools
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

DIGITS = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
EXP_STEPS = 64  # of a doubling
LOG_STEPS = 128  # between 1 and 2
FIRST_LOG, LAST_LOG = 89, 178  # of those steps, from 0.695 to 1.39
ERF_STEPS, LAST_ERF = 16, 64  # of 1; the last is at 4, where erf rounds to 1
ERF_DEGREE = 10


def split(value: Decimal, bits: int) -> tuple[float, float]:
    """Return (high, low) whose sum is the value to twice 53 bits; high has so many bits."""
    step = Decimal(2) ** (bits - 1 - int(np.floor(np.log2(float(abs(value))))))
    high = float(int(value * step) / step)
    return high, float(value - Decimal(high))


@functools.cache
def halves_of_ln2(steps: int, bits: int) -> tuple[float, float]:
    """Return ln 2 / steps as (high, low)."""
    with localcontext() as context:
        context.prec = DIGITS
        return split(Decimal(2).ln() / steps, bits)


@functools.cache
def powers_of_two() -> Any:
    """Return 2^(j / EXP_STEPS) for j from 0."""
    with localcontext() as context:
        context.prec = DIGITS
        return _freeze([(Decimal(2).ln() * j / EXP_STEPS).exp() for j in range(EXP_STEPS)])


@functools.cache
def reciprocals() -> Any:
    """Return LOG_STEPS / i, rounded to 12 bits, for i from FIRST_LOG to LAST_LOG; 1 at 1."""
    return _freeze([Decimal(round(2048 * LOG_STEPS / i)) / 2048 for i in range(FIRST_LOG, LAST_LOG + 1)])


@functools.cache
def logs_of_reciprocals() -> Any:
    """Return -ln of the reciprocals."""
    with localcontext() as context:
        context.prec = DIGITS
        return _freeze([-Decimal(c).ln() if c != 1 else Decimal(0) for c in reciprocals().tolist()])


@functools.cache
def erf_coefficients() -> tuple[Any, ...]:
    """Return the coefficients of erf(c + h) in h from degree 0, each for all centres c = i / ERF_STEPS."""
    with localcontext() as context:
        context.prec = DIGITS
        rows = [_expand_erf(Decimal(i) / ERF_STEPS) for i in range(LAST_ERF + 1)]
    return tuple(_freeze(column) for column in zip(*rows, strict=True))


def _expand_erf(c: Decimal) -> list[Decimal]:
    """Return the Taylor coefficients at c, by g' = -2 x g of the derivative g = 2 / sqrt(pi) exp(-x^2)."""
    factor = 2 / PI.sqrt()
    g = [factor * (-c * c).exp()]
    for n in range(ERF_DEGREE - 1):
        g.append(-2 * (c * g[n] + (g[n - 1] if n else 0)) / (n + 1))
    value, term, n = Decimal(0), factor * c, 0  # erf(c) = factor * sum of (-1)^n c^(2n+1) / (n! (2n+1))
    while abs(term) > Decimal(10) ** -DIGITS:
        value += term / (2 * n + 1)
        n += 1
        term *= -c * c / n
    return [value, *(one / (n + 1) for n, one in enumerate(g))]


def _freeze(values: Any) -> Any:
    array = np.array([float(value) for value in values])
    array.setflags(write=False)
    return array
