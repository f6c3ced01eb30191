"""The layouts in which formats store the same weights, and transforms between them.

A convolution kernel is (o, i, kh, kw) for PyTorch, ONNX and cnnkit, (kh, kw, i, o) for Keras, (o, kh, kw, i) for
TensorFlow Lite; a dense matrix is (out, in) or (in, out); after a Flatten its inputs run over C, H, W or over H, W, C.
"""

from dataclasses import dataclass

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor

_SAME = {"vocab": "vocabulary", "dim": "dimension", "o": "out", "c": "out", "i": "in"}  # synonyms
_SHORT = {"out": "O", "in": "I", "kh": "H", "kw": "W", "kd": "D", "k": "W", "m": "M"}


@dataclass(frozen=True)
class Transform:
    """A change of layout: first a permutation of the axes, then one of the inputs of each unit.

    order   source axis of each axis of the result
    image   (channels, pixels) when inputs are reordered, else None
    flip    True: inputs change from H, W, C to C, H, W; False: the reverse
    name    such as HWIO->OIHW; None for the identity
    """

    order: tuple[int, ...]
    image: tuple[int, int] | None = None
    input_axis: int = 1
    flip: bool = True
    name: str | None = None

    def apply(self, array: Array) -> Array:
        """Return the array in the other layout, a view where possible."""
        turned = array.transpose(self.order) if self.order else array
        if self.image is None:
            return turned
        channels, pixels = self.image
        inside = (pixels, channels) if self.flip else (channels, pixels)
        shape = turned.shape
        place = self.input_axis
        split = turned.reshape(*shape[:place], *inside, *shape[place + 1 :])
        return np.ascontiguousarray(split.swapaxes(place, place + 1)).reshape(shape)


def normalise_axes(tensor: Tensor) -> tuple[str, ...]:
    """Return the names of a tensor's axes without synonyms; empty when the axes are only numbered."""
    if any(axis.isdigit() for axis in tensor.axes):
        return ()
    return tuple(_SAME.get(axis, axis) for axis in tensor.axes)


def is_channels_last(tensor: Tensor) -> bool | None:
    """Return whether a kernel is of a format with H, W, C images, whose kernels end with channels; None for others."""
    known = normalise_axes(tensor)
    if len(known) < 3 or "in" not in known:
        return None
    return not known[-1].startswith("k")


def find_transform(source: Tensor, target: Tensor) -> Transform | None:
    """Return the transform of `source` into the layout of `target`, None when their shapes allow none.

    The names of the axes decide; where one side has none, the shapes: equal, or those of a permuted layout.
    """
    if len(source.shape) != len(target.shape):
        return None
    mine, wanted = normalise_axes(source), normalise_axes(target)
    if mine != wanted and sorted(mine) == sorted(wanted) and len(set(mine)) == len(source.shape):
        order = tuple(mine.index(word) for word in wanted)
        moved = tuple(source.shape[axis] for axis in order)
        return Transform(order, name=f"{_format_axes(mine)}->{_format_axes(wanted)}") if moved == target.shape else None
    if source.shape == target.shape:
        return Transform(tuple(range(len(source.shape))))
    return None if mine and wanted else _match_shapes(source.shape, target.shape)


def _match_shapes(source: tuple[int, ...], target: tuple[int, ...]) -> Transform | None:
    """Return the transposition of a matrix, or of a kernel between OIHW and HWIO, that fits the shapes."""
    if len(source) == 2 and source == target[::-1]:
        return Transform((1, 0), name="(a,b)->(b,a) by shape")
    if len(source) == 4 and tuple(source[axis] for axis in (3, 2, 0, 1)) == target:
        return Transform((3, 2, 0, 1), name="HWIO->OIHW by shape")
    if len(source) == 4 and tuple(source[axis] for axis in (2, 3, 1, 0)) == target:
        return Transform((2, 3, 1, 0), name="OIHW->HWIO by shape")
    return None


def _format_axes(axes: tuple[str, ...]) -> str:
    """("kh", "kw", "in", "out") -> "HWIO", ("in", "out") -> "(in,out)"."""
    if len(axes) > 2 and all(axis in _SHORT for axis in axes):
        return "".join(_SHORT[axis] for axis in axes)
    return f"({','.join(axes)})"
