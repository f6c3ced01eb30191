"""From values to 63 colour levels: linear, symmetric about zero, one scale per tensor."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.lettering import format_alike
from cnnkit.exporters.svg.numbers import Floats, decode_floats, write_digits

STEPS = 31
NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY = 97, 98, -98


class ColourScale(NamedTuple):
    """limit: magnitude of the last level. beyond: how many values exceed it. low, high: the finite extremes."""

    limit: float
    clipped: bool
    beyond: int
    low: float
    high: float
    nans: int
    infinities: int

    @property
    def largest(self) -> float:
        """The largest finite magnitude."""
        return max(abs(self.low), abs(self.high))

    def levels(self, values: Floats) -> NDArray[np.int8]:
        """Return the level of each value: -31 to 31, 0 for exactly zero, one of three codes for NaN and infinities."""
        with np.errstate(all="ignore"):
            ratio = values / self.limit if self.limit else np.zeros_like(values)
            steps = np.sign(values) * np.clip(np.ceil(np.abs(ratio) * STEPS), 1, STEPS)
        steps[values == 0] = 0
        steps[np.isnan(values)] = NAN
        steps[values == np.inf] = POSITIVE_INFINITY
        steps[values == -np.inf] = NEGATIVE_INFINITY
        levels: NDArray[np.int8] = steps.astype(np.int8)
        return levels


def scale_of(values: Floats) -> ColourScale:
    """Return the scale: to the largest magnitude, or to the 99th percentile where the largest is 1.5 times that."""
    finite = values[np.isfinite(values)]
    nans = int(np.isnan(values).sum())
    infinities = values.size - finite.size - nans
    if not finite.size:
        return ColourScale(0.0, False, 0, 0.0, 0.0, nans, infinities)
    magnitudes = np.abs(finite)
    largest, percentile = float(magnitudes.max()), float(np.quantile(magnitudes, 0.99))
    clipped = percentile > 0 and largest / 1.5 > percentile
    limit = percentile if clipped else largest
    beyond = int((magnitudes > limit).sum())
    return ColourScale(limit, clipped, beyond, float(finite.min()), float(finite.max()), nans, infinities)


class ScaledTensor:
    """A tensor read once for drawing: values, scale, levels, exact digits. titled: cells show their value on hover.

    name is what the picture calls it: the activations of a layer for one sample are its "output".
    value_names: a name for each value, or nothing. borrowed: whether the scale is that of the layer before.
    """

    def __init__(self, tensor: Tensor, titled: bool) -> None:
        array = tensor.read().reshape(-1)
        self.tensor, self.titled = tensor, titled
        self.name = tensor.name
        if tensor.kind == "activation":
            self.name = "input" if tensor.name == "input" else "output"
        self.flat: Floats = decode_floats(array, tensor.dtype)
        self.scale: ColourScale = scale_of(self.flat)
        self.levels = self.scale.levels(self.flat)
        self.digits: Sequence[str] = write_digits(array, tensor.dtype) if titled else ()
        self.value_names: Sequence[str] = ()
        self.borrowed = False

    def borrow_scale(self, other: ColourScale) -> None:
        """Take the limit of another scale, so that equal colours are equal values."""
        with np.errstate(invalid="ignore"):
            beyond = int((np.abs(self.flat[np.isfinite(self.flat)]) > other.limit).sum())
        self.scale = self.scale._replace(limit=other.limit, clipped=other.clipped, beyond=beyond)
        self.levels = self.scale.levels(self.flat)
        self.borrowed = True

    def number(self, index: int) -> str:
        """Return a value with the decimals that give the largest magnitude three digits."""
        return format_alike(float(self.flat[index]), self.scale.largest)


def weight_and_bias(tensors: Sequence[ScaledTensor]) -> tuple[ScaledTensor | None, ScaledTensor | None]:
    """Return the weight and the bias among the tensors of a layer, None for what it lacks."""
    roles = {values.tensor.role: values for values in tensors if values.tensor.kind == "parameter"}
    return roles.get("weight"), roles.get("bias")
