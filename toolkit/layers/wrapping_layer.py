"""What layers around one other layer have in common: they take and give what it does."""

from dataclasses import dataclass

from cnnkit.layers import external_layer
from cnnkit.layers.base import Layer, Reach, Shapes


@dataclass(frozen=True)
class WrappingLayer(Layer):
    """`layer` in another layer that changes none of its shapes."""

    layer: Layer

    @property
    def input_count(self) -> int | None:
        return self.layer.input_count

    @property
    def output_count(self) -> int:
        return self.layer.output_count

    def output_shape(self, x_shape: Shapes) -> Shapes:
        return external_layer.output_shape(self.layer, x_shape)

    def reach(self, x_shape: Shapes) -> Reach | None:
        return external_layer.reach(self.layer, x_shape)
