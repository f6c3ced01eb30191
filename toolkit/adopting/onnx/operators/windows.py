"""Attributes that operators with windows have in common: window, stride, dilation, padding along the spatial axes."""

from typing import Any, NamedTuple

from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation

_AUTOMATIC = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}


class WindowFields(NamedTuple):
    """One number for each spatial axis. padding: a word, or (begin, end) for each."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str | tuple[tuple[int, int], ...]

    def simplify(self) -> dict[str, Any]:
        """Return the fields of a layer; numbers that are the same along all axes become one."""
        fields: dict[str, Any] = {"window": _join(self.window), "stride": _join(self.stride)}
        padding: Any = self.padding
        if not isinstance(padding, str):
            even = all(begin == end for begin, end in padding)
            padding = _join(tuple(begin for begin, _ in padding)) if even else padding
        return fields | {"padding": padding} | ({"dilation": _join(self.dilation)} if set(self.dilation) != {1} else {})


def read_window(operation: Operation, x: Flow, window: tuple[int, ...] | None) -> WindowFields:
    """Return the fields of an operator on x (N, C, spatial axes). window: where no attribute has it.

    Raises WeightFileError for lists of the wrong length, and for other than 1, 2 or 3 spatial axes.
    """
    rank = x.rank - 2
    if rank not in (1, 2, 3):
        raise operation.refuse(f"slides over {rank} axes, where cnnkit has 1, 2 and 3")
    window = operation.integers("kernel_shape") or window
    if window is None or len(window) != rank or min(window) < 1:
        raise operation.refuse(f"kernel_shape: expected {rank} whole numbers >= 1, got {window}")
    stride = _read(operation, "strides", rank)
    dilation = _read(operation, "dilations", rank)
    return WindowFields(window, stride, dilation, _read_padding(operation, rank))


def _read_padding(operation: Operation, rank: int) -> str | tuple[tuple[int, int], ...]:
    automatic = operation.text("auto_pad", "NOTSET")
    if automatic in _AUTOMATIC:
        return _AUTOMATIC[automatic]
    if automatic != "NOTSET":
        raise operation.refuse(f"auto_pad: expected NOTSET, {', '.join(_AUTOMATIC)}, got {automatic!r}")
    pads = operation.integers("pads") or (0,) * (2 * rank)
    if len(pads) != 2 * rank or min(pads) < 0:
        raise operation.refuse(f"pads: expected {2 * rank} whole numbers >= 0, got {pads}")
    return tuple((pads[axis], pads[axis + rank]) for axis in range(rank))


def _read(operation: Operation, name: str, rank: int) -> tuple[int, ...]:
    values = operation.integers(name) or (1,) * rank
    if len(values) != rank or min(values) < 1:
        raise operation.refuse(f"{name}: expected {rank} whole numbers >= 1, got {values}")
    return values


def _join(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(set(values)) == 1 else values


def find_same_padding(fields: WindowFields, x: Flow) -> tuple[tuple[int, int], ...]:
    """Return the padding in numbers: outputs of ceil(extent / stride), the odd value at the end ("same") or front."""
    if not isinstance(fields.padding, str):
        return fields.padding
    pairs = []
    for extent, window, stride, dilation in zip(
        x.shape[1:], fields.window, fields.stride, fields.dilation, strict=True
    ):
        total = max((-(-extent // stride) - 1) * stride + dilation * (window - 1) + 1 - extent, 0)
        small = 0 if fields.padding == "valid" else total // 2
        large = 0 if fields.padding == "valid" else total - small
        pairs.append((small, large) if fields.padding == "same" else (large, small))
    return tuple(pairs)
