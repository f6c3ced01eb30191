"""The base of layers whose output has the shape of their input."""

from cnnkit.backends.protocol import Shape
from cnnkit.layers.base import Layer


class Elementwise(Layer):
    """Base of layers that accept any shape and keep it."""

    def output_shape(self, x_shape: Shape) -> Shape:
        return x_shape
