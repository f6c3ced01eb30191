"""What the values of a stored tensor are like: range, mean, spread, zeros, and what is not a number."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit.exporters.weight_file import sha256

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor


@dataclass(frozen=True)
class Facts:
    """Range, mean and spread of the finite values, in float64, None where there are none; counts of other values."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    zeros: int | None
    nan: int | None
    inf: int | None
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit inspect --json` prints."""
        return asdict(self)


def facts(tensor: "Tensor") -> Facts:
    """Read a tensor and return its facts; float8 and complex values have a SHA-256 alone."""
    array = tensor.read()
    digest = sha256(array)
    if tensor.dtype == "bfloat16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif tensor.dtype.startswith("float8") or array.dtype.kind == "c":
        return Facts(None, None, None, None, None, None, None, digest)
    nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    values = (array[np.isfinite(array)] if nan or inf else array).astype(np.float64).ravel()
    zeros = int(values.size - np.count_nonzero(values))
    if not values.size:
        return Facts(None, None, None, None, zeros, nan, inf, digest)
    low, high, mean = float(values.min()), float(values.max()), float(values.mean())
    largest = max(abs(low), abs(high)) or 1.0  # squares of what is very large overflow
    spread = largest * math.sqrt(float(np.mean((values / largest - mean / largest) ** 2)))
    return Facts(low, high, mean, spread, zeros, nan, inf, digest)


def findings(name: str, found: Facts) -> list[dict[str, Any]]:
    """Return what is wrong with a tensor's values, each as {tensor, finding, count, message}."""
    wrong = (("nan", found.nan, "NaN"), ("inf", found.inf, "infinite"))
    return [
        {"tensor": name, "finding": kind, "count": count, "message": f"{name}: {count:,} values are {word}"}
        for kind, count, word in wrong
        if count
    ]


def undefined(name: str, found: Facts) -> dict[str, str]:
    """Return {path in the JSON: reason} for the values that are null."""
    reason = "cnnkit keeps the bits of this element type and does not compute with it"
    if found.zeros is not None:
        reason = "the tensor has no finite value"
    return {f"{name}.{key}": reason for key, value in found.to_json().items() if value is None}
