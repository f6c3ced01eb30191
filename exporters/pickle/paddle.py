"""Parameters by paddle.save: a dictionary as PyTorch's, with dense weights transposed and statistics of other names."""

from dataclasses import replace
from typing import Any

from cnnkit.exporters.core.weight_file import Tensor, WeightFile

_NAMES = "StructuredToParameterName@@"  # a table of names that Paddle adds
_STATISTICS = {"_mean": "mean", "_variance": "variance"}


def is_paddle(document: Any) -> bool:
    """Return whether Paddle wrote the content of a pickle."""
    return isinstance(document, dict) and _NAMES in document


def name_paddle_axes(weights: WeightFile) -> WeightFile:
    """Return the same tensors with the axes of Paddle's dense layers, (in, out), and the roles of its statistics."""
    normalised = {tensor.layer for tensor in weights if tensor.name.endswith(tuple(_STATISTICS))}
    return replace(weights, tensors=tuple(_rename(tensor, tensor.layer in normalised) for tensor in weights))


def _rename(tensor: Tensor, normalised: bool) -> Tensor:
    part = tensor.name.rpartition(".")[2]
    if tensor.axes == ("out", "in"):
        return replace(tensor, axes=("in", "out"))
    if part in _STATISTICS and len(tensor.shape) == 1:
        return replace(tensor, kind="state", role=_STATISTICS[part], axes=("c",))
    if normalised and len(tensor.shape) == 1 and part in {"weight", "bias"}:
        return replace(tensor, role={"weight": "gamma", "bias": "beta"}[part], axes=("c",))
    return tensor
