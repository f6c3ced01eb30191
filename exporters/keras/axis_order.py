"""Where the axes of a layer's samples lie in Keras, which keeps the channels last."""

from collections.abc import Sequence

from cnnkit.exporters.core.architecture import LayerFields


class KerasOrder:
    """The order of a layer's axes in Keras; the batch is axis 0 in both programs.

    image    whether the samples are more than rows: (C, ..., W) here and (..., W, C) there
    sources  for each axis in Keras, from 1 on, the axis here
    shape    of a sample in Keras
    """

    def __init__(self, layer: LayerFields) -> None:
        shape = layer["input_shape"]
        self.image = len(shape) > 1
        self.sources = (*range(2, len(shape) + 1), 1)
        self.shape = tuple(shape[axis - 1] for axis in self.sources)
        self._axes = layer.get("axes")

    @property
    def last(self) -> int:
        """The last axis."""
        return len(self.shape)

    def own_axes(self, default: Sequence[int]) -> list[int]:
        """Return the layer's field `axes` in rising order, counted from the batch, as cnnkit has them."""
        axes = default if self._axes is None else self._axes
        return sorted(axis % (1 + len(self.shape)) for axis in axes)

    def axes(self, default: Sequence[int]) -> list[int]:
        """Return the layer's field `axes` in rising order, as Keras has them."""
        return sorted(1 + self.sources.index(axis) for axis in self.own_axes(default))

    def rearrange(self, default: Sequence[int]) -> tuple[int, ...]:
        """Return how an array with the lengths of `axes` must be transposed for Keras."""
        own = self.own_axes(default)
        return tuple(own.index(axis) for axis in self.sources if axis in own)
