"""Keras layers with their variables, and how a tensor of cnnkit, channels first, becomes a variable."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor


@dataclass(frozen=True)
class KerasVariable:
    """A variable of a Keras layer: the tensor that it comes from, and how axes and rows are rearranged.

    split    shape that the tensor is given first
    axes     order of those axes in Keras
    rows     (C, H, W) where the first axis is then a flattened image, which Keras flattens as H, W, C
    """

    tensor: Tensor
    split: tuple[int, ...]
    axes: tuple[int, ...]
    rows: tuple[int, ...] | None = None

    def values(self) -> Array:
        """Return the values in Keras's layout."""
        array = self.tensor.read().reshape(self.split).transpose(self.axes)
        if self.rows is not None:
            array = array[order_channels_last(self.rows)]
        return np.ascontiguousarray(array)


class KerasPlace(NamedTuple):
    """What the call number `call` of the layer of that name gives."""

    layer: str
    call: int = 0


@dataclass(frozen=True)
class KerasLayer:
    """One layer: class, configuration, variables in Keras's order, and the inputs of each of its calls."""

    kind: str
    config: dict[str, Any]
    variables: Sequence[KerasVariable] = ()
    calls: list[tuple[KerasPlace, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in the network."""
        return str(self.config["name"])

    def equals(self, kind: str, config: Mapping[str, Any], variables: Sequence[KerasVariable]) -> bool:
        """Say whether a layer of that class, configuration but for the name, and variables is this one."""
        own = {key: value for key, value in self.config.items() if key != "name"}
        return (kind, own, tuple(variables)) == (self.kind, dict(config), tuple(self.variables))


def order_channels_last(image: tuple[int, ...]) -> Array:
    """Return, for each index of a row flattened as H, W, C, the index in the row flattened as C, H, W."""
    return np.moveaxis(np.arange(math.prod(image)).reshape(image), 0, -1).reshape(-1)
