"""One value of one layer for one picture: the calculation, the value that the network has, and what it sees."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit import architecture
from cnnkit.architecture import PlacedLayer
from cnnkit.errors import ConfigError
from cnnkit.explanation.record import record_layer
from cnnkit.explanation.sums import describe_index, read_formula
from cnnkit.explanation.tapping import find_placed
from cnnkit.explanation.worked import Floats, Index, Worked
from cnnkit.explanation.workers import require_worked, work
from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.files.names import printable
from cnnkit.network import Network
from cnnkit.precision import EPSILON
from cnnkit.receptive_field import find_field


class FollowingValue(NamedTuple):
    """What the activation behind the layer makes of the value."""

    path: str
    type: str
    formula: str
    value: float


@dataclass(frozen=True)
class Explanation:
    """The calculation of one value y[index] of a layer.

    own: what the network gave, in its own arithmetic. bound: how far that may be from what the calculation gives in
    float64: n roundings, each of at most the unit roundoff of the network's type, times the sum of magnitudes (Higham
    2002, section 3.1). seen: (first, behind the last) pixel of the picture on each axis that the value depends on, also
    beyond its edges; None for all of it, or where the layer has other axes than the picture. picture: the network's
    input (input_shape). xs: the layer's inputs.
    """

    placed: PlacedLayer
    index: Index
    worked: Worked
    own: float
    bound: float
    seen: tuple[tuple[int, int], ...] | None
    following: FollowingValue | None
    picture: Floats
    xs: tuple[Floats, ...]

    @property
    def computed(self) -> float:
        """What the calculation gives in float64."""
        return self.worked.result

    @property
    def agrees(self) -> bool:
        """Whether the network's own value lies within the bound; where one is not finite, whether they are the same."""
        if math.isfinite(self.own) and math.isfinite(self.computed):
            return abs(self.own - self.computed) <= self.bound
        return self.own == self.computed or (math.isnan(self.own) and math.isnan(self.computed))

    @property
    def title(self) -> str:
        """The layer and the value in words: "layer 0 (Conv2D), channel 3, row 3, column 4"."""
        return f"layer {printable(self.placed.path)} ({self.placed.layer.type}), {describe_index(self.index)}"


def explain(
    model: Network, path: str, x: Any, at: tuple[int, ...] | None = None, channel: int | None = None
) -> Explanation:
    """Return how a value of the layer at `path` comes about for a sample x (input_shape), scaled.

    at: its place on the axes behind the first, such as (row, column). channel: its channel, or of a row the neuron.
    What is not given is that of the largest value, of equal ones the first.

    Raises ConfigError for no such layer or place, or for a layer with no one calculation.
    """
    placed = find_placed(model, path, "LAYER")
    require_worked(placed)
    values = np.asarray(x, model.array_dtype)
    call, after = record_layer(model, values, placed)
    index = choose_index(call.y, at, channel)
    image = find_flattened_images(architecture.describe(model.network, model.input_shape)).get(path)
    worked = work(call, index, image)
    epsilon = EPSILON[call.dtype]
    following = None
    if after is not None:
        following = FollowingValue(after[0], after[1].type, read_formula(after[1]), float(after[2][index]))
    return Explanation(
        placed, index, worked, float(call.y[index]), epsilon * (worked.operations * worked.magnitude),
        _find_seen(model, placed, index), following, values.astype(np.float64), call.xs,
    )  # fmt: skip


def choose_index(y: Floats, at: tuple[int, ...] | None, channel: int | None) -> Index:
    """Return the index of the value in y (C, ...) that is asked for; NaN counts as the largest.

    Raises ConfigError for one that is not there.
    """
    if channel is not None and channel >= len(y):
        raise ConfigError(f"--channel: expected 0 to {len(y) - 1}, got {channel}")
    sizes = y.shape[1:]
    if at is not None and (len(at) != len(sizes) or any(p >= n for p, n in zip(at, sizes, strict=True))):
        if not sizes:
            raise ConfigError(f"--at: expected none, the layer gives {len(y)} values in a row: choose with --channel")
        wanted = ", ".join(f"0 to {n - 1}" for n in sizes)
        raise ConfigError(f"--at: expected a place of {len(sizes)} numbers, {wanted}, got {','.join(map(str, at))}")
    chosen = (slice(None) if channel is None else slice(channel, channel + 1), *(slice(p, p + 1) for p in at or ()))
    part = y[chosen]
    found = np.unravel_index(int(np.argmax(part)), part.shape)
    begins = (channel or 0, *(at or (0,) * len(sizes)))
    return tuple(int(begin + place) for begin, place in zip(begins, found, strict=True))


def _find_seen(model: Network, placed: PlacedLayer, index: Index) -> tuple[tuple[int, int], ...] | None:
    """Return what the value sees of the picture; None for all, or where no one box tells it."""
    field = find_field(model.network, model.input_shape, placed.path)
    axes = len(model.input_shape) - 1
    if field is None or axes < 1 or len(index) - 1 != axes or len(field.size) != axes:
        return None
    return field.locate(index[1:])
