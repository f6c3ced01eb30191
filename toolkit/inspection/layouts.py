"""The layouts in which formats store the same weights, and transforms between them.

A convolution kernel is (o, i, kh, kw) for PyTorch, ONNX and cnnkit, (kh, kw, i, o) for Keras, (o, kh, kw, i) for
TensorFlow Lite; a transposed one is (i, o, kh, kw), (kh, kw, o, i) and (o, kh, kw, i); a depthwise one, with m outputs
for each input, is (i * m, 1, kh, kw), (kh, kw, i, m) and (1, kh, kw, i * m); a dense matrix is (out, in) or (in, out);
after a Flatten its inputs run over C, H, W or over H, W, C.
"""

from dataclasses import dataclass, replace

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile

_SAME = {"vocab": "vocabulary", "dim": "dimension", "o": "out", "c": "out", "i": "in"}  # synonyms
_SHORT = {"out": "O", "in": "I", "kh": "H", "kw": "W", "kd": "D", "k": "W", "m": "M"}
_WINDOWS = {3: "W", 4: "HW", 5: "DHW"}  # by the rank of a kernel

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Transform:
    """A change of layout: of the axes, then of the inputs of each unit, then of the direction of windows.

    order   source axis of each axis of the result
    split   the shape that the source is given first, and
    merged  the shape that the result is given after the change of order; None where both have the same rank
    image   (channels, pixels) when inputs are reordered, else None
    flip    True: inputs change from H, W, C to C, H, W; False: the reverse
    mirror  axes whose values are put in the reverse order
    name    such as HWIO->OIHW; None for the identity
    """

    order: tuple[int, ...]
    image: tuple[int, int] | None = None
    input_axis: int = 1
    flip: bool = True
    name: str | None = None
    split: Shape | None = None
    merged: Shape | None = None
    mirror: tuple[int, ...] = ()

    def apply(self, array: Array) -> Array:
        """Return the array in the other layout, a view where possible."""
        if self.split is not None:
            array = array.reshape(self.split)
        turned = array.transpose(self.order) if self.order else array
        if self.merged is not None:
            turned = turned.reshape(self.merged)
        if self.mirror:
            turned = np.flip(turned, self.mirror)
        if self.image is None:
            return turned
        channels, pixels = self.image
        inside = (pixels, channels) if self.flip else (channels, pixels)
        shape = turned.shape
        place = self.input_axis
        split = turned.reshape(*shape[:place], *inside, *shape[place + 1 :])
        return np.ascontiguousarray(split.swapaxes(place, place + 1)).reshape(shape)

    def mirrored(self, target: Tensor) -> "Transform":
        """Return the transform with the windows of the result mirrored, which makes a correlation of a convolution."""
        axes = normalise_axes(target)
        places = tuple(i for i, axis in enumerate(axes) if axis.startswith("k")) or tuple(range(2, len(target.shape)))
        return replace(self, mirror=places, name=f"{self.name}, mirrored" if self.name else "mirrored")


def normalise_axes(tensor: Tensor) -> tuple[str, ...]:
    """Return the names of a tensor's axes without synonyms; empty when the axes are only numbered."""
    if any(axis.isdigit() for axis in tensor.axes):
        return ()
    return tuple(_SAME.get(axis, axis) for axis in tensor.axes)


def is_mirrored(file: WeightFile, tensor: Tensor) -> bool | None:
    """Return whether a kernel is mirrored against a correlation, as Theano's are; None: it may be."""
    keras = file.metadata.get("keras")
    for key, answer in (("mirrored", True), ("perhaps_mirrored", None)):
        names = keras.get(key) if isinstance(keras, dict) else None
        if isinstance(names, list) and tensor.name in names:
            return answer
    return False


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
    if len(mine) > 2 and len(wanted) > 2 and "in" in mine and "in" in wanted:
        return _turn_kernel(source.shape, target.shape, mine, wanted)
    if mine != wanted and sorted(mine) == sorted(wanted) and len(set(mine)) == len(source.shape):
        order = tuple(mine.index(word) for word in wanted)
        moved = tuple(source.shape[axis] for axis in order)
        return Transform(order, name=f"{_format_axes(mine)}->{_format_axes(wanted)}") if moved == target.shape else None
    if source.shape == target.shape:
        return Transform(tuple(range(len(source.shape))))
    if "m" in mine or "m" in wanted:
        return _turn_depthwise(source.shape, target.shape, mine, wanted)
    return None if mine and wanted else _match_shapes(source.shape, target.shape)


def _turn_kernel(source: Shape, target: Shape, mine: tuple[str, ...], wanted: tuple[str, ...]) -> Transform | None:
    """Return the transform between two kernels with named axes.

    Channels first, a name does not always tell a transposed convolution, so that a swap of inputs and outputs is never
    inferred there: the first two axes of one are the last two, in reverse, of the other.
    """
    if "m" in mine or "m" in wanted:
        return _turn_depthwise(source, target, mine, wanted)
    rank, last = len(source), (mine[0].startswith("k"), wanted[0].startswith("k"))
    if _has_window_between(mine) or _has_window_between(wanted):
        order = tuple(mine.index(word) for word in wanted) if sorted(mine) == sorted(wanted) else ()
    elif last[0] == last[1]:
        order = tuple(range(rank))
    elif last[0]:
        order = (rank - 1, rank - 2, *range(rank - 2))
    else:
        order = (*range(2, rank), 1, 0)
    if tuple(source[axis] for axis in order) != target:
        return None
    moved = order != tuple(range(rank))
    named = tuple(mine[axis] for axis in order) if last[0] != last[1] else wanted
    return Transform(order, name=f"{_format_axes(mine)}->{_format_axes(named)}" if moved else None)


def _has_window_between(axes: tuple[str, ...]) -> bool:
    """Return whether a kernel's window lies between its channels, as in TensorFlow Lite, whose names are certain."""
    return axes[1].startswith("k") and not axes[0].startswith("k")


def _turn_depthwise(source: Shape, target: Shape, mine: tuple[str, ...], wanted: tuple[str, ...]) -> Transform | None:
    """Return the transform between (kh, kw, i, m) and (i * m, 1, kh, kw) or (1, kh, kw, i * m)."""
    rank, window = len(source), tuple(range(len(source) - 2))
    if "m" in mine and wanted[:1] == ("in",) and target == (1, *source[:-2], source[-2] * source[-1]):
        return Transform(tuple(range(rank)), merged=target, name=f"{_format_axes(mine)}->{_format_axes(wanted)}")
    if "m" in wanted and mine[:1] == ("in",) and source == (1, *target[:-2], target[-2] * target[-1]):
        return Transform(tuple(range(rank)), split=target, name=f"{_format_axes(mine)}->{_format_axes(wanted)}")
    if source == target and ("m" in mine) == ("m" in wanted):
        return Transform(tuple(range(rank)))
    if "m" in mine and target == (source[-2] * source[-1], 1, *source[:-2]):
        return Transform((rank - 2, rank - 1, *window), merged=target, name=f"{_format_axes(mine)}->OI{_WINDOWS[rank]}")
    if "m" in wanted and source == (target[-2] * target[-1], 1, *target[:-2]):
        name = f"OI{_WINDOWS[rank]}->{_format_axes(wanted)}"
        return Transform((*(axis + 2 for axis in window), 0, 1), split=(*target[-2:], *target[:-2]), name=name)
    return None


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
