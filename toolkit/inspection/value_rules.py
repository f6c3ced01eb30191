"""Faults in the values of one tensor, by its statistics."""

import math
from collections.abc import Iterator

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.statistics import Index, Statistics

_ROOM = 100.0  # gains from 1 / _ROOM^2 to _ROOM are no finding
_FAR = 1e6  # larger than any trained parameter
_WEIGHTS = ("weight", "recurrent_weight", "embedding")


def find_not_finite(tensor: Tensor, computed: Statistics) -> Iterator[Finding]:
    """Yield NaN and infinities."""
    for kind, word, count, first in (
        ("nan", "NaN", computed.nan, computed.first_nan),
        ("inf", "infinite", computed.inf, computed.first_inf),
    ):
        if count and first is not None:
            where = f", first at {_format_index(first)}" if first else ""
            message = f"{count:,} value{'s are' if count > 1 else ' is'} {word}{where}"
            yield Finding(tensor.name, kind, "error", count, first, message)


def find_constant(tensor: Tensor, computed: Statistics) -> Iterator[Finding]:
    """Yield a trained tensor of several equal values."""
    if computed.count < 2 or computed.min is None or computed.min != computed.max or computed.finite < computed.count:
        return
    severity = "warning" if tensor.role in _WEIGHTS else "note"
    message = f"all {computed.count:,} values are {computed.min:g}"
    if severity == "note":
        message += ": as they are before any training"
    yield Finding(tensor.name, "constant", severity, computed.count, (), message)


def find_wrong_scale(tensor: Tensor, computed: Statistics) -> Iterator[Finding]:
    """Yield weights whose layer makes its input explode or vanish.

    A layer keeps the scale of its input when the root mean square of its weights is about 1 / sqrt(inputs per unit).
    """
    if computed.min is None or computed.max is None or computed.min == computed.max:
        return
    largest, gain = max(abs(computed.min), abs(computed.max)), _compute_gain(tensor, computed)
    if largest > _FAR:
        message = f"values up to {largest:.3g} in magnitude"
        yield Finding(tensor.name, "exploding", "warning", computed.count, (), message)
    elif gain is not None and gain > _ROOM:
        message = f"the layer makes its input about {gain:.3g} times larger"
        yield Finding(tensor.name, "exploding", "warning", computed.count, (), message)
    elif gain is not None and gain < _ROOM**-2:
        message = f"the layer makes its input about {1 / gain:.3g} times smaller"
        yield Finding(tensor.name, "vanishing", "warning", computed.count, (), message)


def _compute_gain(tensor: Tensor, computed: Statistics) -> float | None:
    """Return the root mean square of a weight times sqrt(inputs per unit), None for other tensors."""
    if tensor.role != "weight" or computed.norms is None or computed.mean is None or computed.std is None:
        return None
    return math.hypot(computed.mean, computed.std) * math.sqrt(computed.count / computed.norms.size)


def _format_index(index: Index) -> str:
    return f"[{', '.join(map(str, index))}]"
