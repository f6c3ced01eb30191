"""Shapes of the samples that layers are tried on."""

from cnnkit.backends.protocol import Shape
from cnnkit.layers import Layer

LayerCases = dict[str, list[tuple[Layer, Shape]]]
IMAGES, ROW = (4, 5, 6), (7,)
