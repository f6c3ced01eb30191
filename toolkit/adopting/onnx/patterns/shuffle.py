"""Reshape, Transpose, Reshape: a ChannelShuffle where they mix groups of channels."""

from typing import Any

from cnnkit.adopting.onnx.operands import Flow
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.backends.protocol import Shape


def find_shuffle(operation: Operation, x: Flow, shape: Shape) -> Flow | None:
    """Return x, reshaped to `shape`, as the ChannelShuffle that it is, None where it is none.

    (N, C, ...) as (N, groups, C / groups, ...), these two axes exchanged, as (N, C, ...) again.
    """
    if x.kind != "Transpose":
        return None
    layer: Any = x.draft.layer
    split = x.draft.inputs[0]
    if split.kind != "Reshape" or tuple(layer.axes) != (0, 2, 1, *range(3, split.rank)):
        return None
    source = split.draft.inputs[0]
    groups, each = split.shape[:2]
    if source.shape != shape or source.shape[0] != groups * each or source.rank not in (3, 4, 5):
        return None
    return operation.make("ChannelShuffle", source, groups=groups)
