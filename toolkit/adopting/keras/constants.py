"""Numbers and arrays that stand in a configuration."""

from typing import Any

import numpy as np

from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.exporters.core.weight_file import Array

MOST_VALUES = 1 << 22


def read_array(call: LayerCall, name: str, given: Any) -> Array:
    """Return a number, or nested lists of numbers, as an array of float64. Raises WeightFileError for others."""
    while isinstance(given, dict) and ("value" in given or "config" in given):
        given = given["value"] if "value" in given else given["config"]
    try:
        array = np.asarray(given)
    except ValueError:
        raise call.expect(name, "numbers", given) from None
    if array.dtype.kind not in "iuf" or array.size > MOST_VALUES or not np.isfinite(array).all():
        raise call.expect(name, "numbers", given)
    return array.astype(np.float64)


def is_number(given: Any) -> bool:
    """Return whether an argument is a plain number."""
    return isinstance(given, int | float) and not isinstance(given, bool)
