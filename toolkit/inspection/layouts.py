"""The layouts in which formats keep the same weights, and bringing one into another.

A convolution kernel is (o, i, kh, kw) for PyTorch, ONNX and cnnkit, (kh, kw, i, o) for Keras; a dense matrix is
(out, in) or (in, out); and behind a Flatten its inputs run over C, H, W or over H, W, C.
"""

from dataclasses import dataclass

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor

_SAME = {"vocab": "vocabulary", "dim": "dimension", "o": "out", "c": "out", "i": "in"}  # one word for one thing
_SHORT = {"out": "O", "in": "I", "kh": "H", "kw": "W", "kd": "D", "k": "W", "m": "M"}


@dataclass(frozen=True)
class Transform:
    """What brings one tensor into another's layout: first the axes, then the inputs of each unit.

    order   the axis that comes to each place
    image   (channels, pixels) when inputs are reordered; None when not
    flip    whether inputs come as H, W, C and are wanted as C, H, W (True), or the other way (False)
    name    such as HWIO->OIHW; None when nothing is done
    """

    order: tuple[int, ...]
    image: tuple[int, int] | None = None
    input_axis: int = 1
    flip: bool = True
    name: str | None = None

    def apply(self, array: Array) -> Array:
        """Return the array in the other layout (a view where that is possible)."""
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
    """Return the names of a tensor's axes, one word for one thing; empty where they say nothing."""
    if any(axis.isdigit() for axis in tensor.axes):
        return ()
    return tuple(_SAME.get(axis, axis) for axis in tensor.axes)


def is_channels_last(tensor: Tensor) -> bool | None:
    """Return whether a convolution kernel has its window first, as formats have that keep images as H, W, C."""
    known = normalise_axes(tensor)
    if len(known) < 3 or "in" not in known:
        return None
    return known[0].startswith("k")


def find_transform(source: Tensor, target: Tensor) -> Transform | None:
    """Return what brings `source` into the layout of `target`, None when their shapes do not allow it.

    Names of axes decide; where one side has none, shapes do: as they are, or else as the transposed matrix.
    """
    rank = len(source.shape)
    if rank != len(target.shape):
        return None
    mine, wanted = normalise_axes(source), normalise_axes(target)
    plain = tuple(range(rank))
    if mine != wanted and sorted(mine) == sorted(wanted) and len(set(mine)) == rank:
        order = tuple(mine.index(word) for word in wanted)
        moved = tuple(source.shape[axis] for axis in order)
        return Transform(order, name=f"{_format_axes(mine)}->{_format_axes(wanted)}") if moved == target.shape else None
    if source.shape == target.shape:
        return Transform(plain)
    if rank == 2 and source.shape == target.shape[::-1] and not (mine and wanted):
        return Transform((1, 0), name="(a,b)->(b,a) by shape")
    return _match_window(source.shape, target.shape) if rank == 4 and not (mine and wanted) else None


def _match_window(source: tuple[int, ...], target: tuple[int, ...]) -> Transform | None:
    if tuple(source[axis] for axis in (3, 2, 0, 1)) == target:
        return Transform((3, 2, 0, 1), name="HWIO->OIHW by shape")
    if tuple(source[axis] for axis in (2, 3, 1, 0)) == target:
        return Transform((2, 3, 1, 0), name="OIHW->HWIO by shape")
    return None


def _format_axes(axes: tuple[str, ...]) -> str:
    """("kh", "kw", "in", "out") -> "HWIO", ("in", "out") -> "(in,out)"."""
    if len(axes) > 2 and all(axis in _SHORT for axis in axes):
        return "".join(_SHORT[axis] for axis in axes)
    return f"({','.join(axes)})"
