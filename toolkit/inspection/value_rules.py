"""What is wrong with the values of one tensor, by its statistics."""

import math
from collections.abc import Iterator

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.statistics import Index, Statistics

_ROOM = 100.0  # times the usual scale, either way, is still no finding; the smallest is squared
_FAR = 1e6  # no trained parameter is as large
_WEIGHTS = ("weight", "recurrent_weight", "embedding")


def not_finite(tensor: Tensor, found: Statistics) -> Iterator[Finding]:
    """Yield NaN and infinities."""
    for kind, word, count, first in (
        ("nan", "NaN", found.nan, found.first_nan),
        ("inf", "infinite", found.inf, found.first_inf),
    ):
        if count and first is not None:
            where = f", first at {_place(first)}" if first else ""
            message = f"{count:,} value{'s are' if count > 1 else ' is'} {word}{where}"
            yield Finding(tensor.name, kind, "error", count, first, message)


def constant(tensor: Tensor, found: Statistics) -> Iterator[Finding]:
    """Yield a trained tensor of several values that are all the same."""
    if found.count < 2 or found.min is None or found.min != found.max or found.finite < found.count:
        return
    severity = "warning" if tensor.role in _WEIGHTS else "note"
    message = f"all {found.count:,} values are {found.min:g}"
    if severity == "note":
        message += ": as they are before any training"
    yield Finding(tensor.name, "constant", severity, found.count, (), message)


def scale(tensor: Tensor, found: Statistics) -> Iterator[Finding]:
    """Yield weights that make what passes through them explode or vanish.

    A layer keeps the scale when the root mean square of its weights is about 1 / sqrt(inputs of a unit).
    """
    if found.min is None or found.max is None or found.mean is None or found.std is None or found.min == found.max:
        return
    largest = max(abs(found.min), abs(found.max))
    gain = None
    if tensor.role == "weight" and found.norms is not None and found.norms.size:
        gain = math.hypot(found.mean, found.std) * math.sqrt(found.count / found.norms.size)
    if largest > _FAR:
        yield Finding(tensor.name, "exploding", "warning", found.count, (), f"values up to {largest:.3g} in magnitude")
    elif gain is not None and gain > _ROOM:
        message = f"the layer makes its input about {gain:.3g} times larger"
        yield Finding(tensor.name, "exploding", "warning", found.count, (), message)
    elif gain is not None and gain < _ROOM**-2:
        message = f"the layer makes its input about {1 / gain:.3g} times smaller"
        yield Finding(tensor.name, "vanishing", "warning", found.count, (), message)


def _place(index: Index) -> str:
    return f"[{', '.join(map(str, index))}]"
