"""Weights that are not finite: which, how many, the first of them."""

from collections.abc import Iterator, Mapping

import numpy as np

from cnnkit.network import Values


def list_not_finite(arrays: Mapping[str, Values]) -> Iterator[str]:
    """Yield "3 of 72 values of 0.weight are not finite, the first is nan" for each array that has such values."""
    for name, array in arrays.items():
        wrong = array[~np.isfinite(array)]
        if wrong.size:
            yield f"{wrong.size:,} of {array.size:,} values of {name} are not finite, the first is {wrong[0]}"
