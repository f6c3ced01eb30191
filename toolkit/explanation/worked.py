"""The arithmetic of one value of a layer as a record: what enters it, the steps, and how exact the network's own is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnkit.backends.protocol import Shape

Floats = NDArray[np.float64]
Index = tuple[int, ...]  # of a value in one sample


class Recorded(NamedTuple):
    """One call of a layer on one sample, on the host in float64: its parameters, state, inputs and output.

    dtype: in which the layer gave its output, "float64" on the reference backend. names: what the inputs are called.
    """

    layer: Any
    params: dict[str, Any]
    state: dict[str, Any]
    xs: tuple[Floats, ...]
    y: Floats
    dtype: str
    names: tuple[str, ...]

    @property
    def x(self) -> Floats:
        """The first input."""
        return self.xs[0]


class Window(NamedTuple):
    """Values of the layer's input that enter the result, and what each is multiplied by.

    title: "channel 2". start: where the first of them lies on the input's spatial axes, less than 0 in padding, ()
    where it has none. channel: which of the input it is, None where they come from several. weights: None where
    nothing is multiplied. inside: False for what is padding. step: from value to value, the dilation.
    """

    title: str
    values: Floats
    weights: Floats | None
    inside: NDArray[np.bool_]
    start: Sequence[int] = ()
    channel: int | None = None
    step: Sequence[int] = ()

    @property
    def products(self) -> Floats:
        """Values * weights, each exact where both are float32."""
        return self.values if self.weights is None else self.values * self.weights

    @property
    def total(self) -> float:
        """The sum of the products, rounded once."""
        return math.fsum(self.products.ravel().tolist())


class WorkedStep(NamedTuple):
    """A line of the calculation: what is computed, and what it gives."""

    text: str
    value: float


@dataclass(frozen=True)
class Worked:
    """The calculation of one value.

    formula: as the layer's documentation has it. magnitude: the sum of the absolute values that are added, which
    rounding errors are relative to. operations: how many roundings a value may have gone through.
    """

    formula: str
    windows: tuple[Window, ...]
    steps: tuple[WorkedStep, ...]
    result: float
    magnitude: float
    operations: int
    notes: tuple[str, ...] = field(default=())


def plain_window(title: str, values: Any, weights: Any = None, channel: int | None = None) -> Window:
    """Return a window without padding and without a place."""
    array = np.asarray(values, np.float64)
    return Window(
        title, array, None if weights is None else np.asarray(weights, np.float64), np.ones(array.shape, bool),
        channel=channel,
    )  # fmt: skip


def cut_window(
    x: Floats, start: Sequence[int], window: Shape, dilation: Sequence[int]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (the values of a window of x (H, W), 0 where it lies beyond, whether each lies inside)."""
    axes = [s + d * np.arange(n) for s, n, d in zip(start, window, dilation, strict=True)]
    places = np.meshgrid(*axes, indexing="ij")
    inside = np.logical_and.reduce([(p >= 0) & (p < n) for p, n in zip(places, x.shape, strict=True)])
    clipped = tuple(np.clip(p, 0, n - 1) for p, n in zip(places, x.shape, strict=True))
    return np.where(inside, x[clipped], 0.0), inside
