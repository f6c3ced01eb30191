"""How a value comes about, in numbers: sums of products, cut where they are long."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN = 6  # terms of a sum


def write_number(value: Any) -> str:
    """Return a number in five digits."""
    return f"{float(value):.5g}"


def write_sum(factors: Any, others: Any, added: Sequence[tuple[str, Any]] = ()) -> str:
    """Return `a * b + c * d + ... = sum`, with what else is added, as (name, value), before the products.

    Products with a zero are left out; of many the first are shown, and their number.
    """
    a, b = (np.ravel(np.asarray(values, np.float64)) for values in (factors, others))
    total = float(a @ b) + sum(float(value) for _, value in added)
    kept = np.flatnonzero(a * b)
    terms = [f"{write_number(value)} ({name})" for name, value in added]
    terms += [f"{write_number(a[i])} * {_sign(b[i])}" for i in kept[:SHOWN]]
    if len(kept) > SHOWN:
        terms.append(f"... {len(kept) - SHOWN} more products")
    return f"{' + '.join(terms) or '0'} = {write_number(total)}"


def write_place(name: str, place: Sequence[int]) -> str:
    """Return `y[0, 1, 2]`, or the name alone for a number."""
    return f"{name}[{', '.join(map(str, place))}]" if len(place) else name


def _sign(value: Any) -> str:
    return f"({write_number(value)})" if value < 0 else write_number(value)
