"""The samples that layers are tried on: their shapes, and values that suit the layer."""

from typing import Any

from cnnkit.backends.protocol import Shape
from cnnkit.layers import Layer

LayerCases = dict[str, list[tuple[Layer, Shape]]]
IMAGES, ROW, SEQUENCE, VOLUME = (4, 5, 6), (7,), (4, 5), (2, 3, 4, 2)
_OF_POSITIVE_VALUES = ("Log", "Sqrt", "Reciprocal", "Power")


def fit_inputs(layer: Layer, x: Any) -> Any:
    """Return inputs for a layer made of normal values x: |x| + 0.5 where it takes positive ones only, else x."""
    return abs(x) + 0.5 if layer.type in _OF_POSITIVE_VALUES else x
