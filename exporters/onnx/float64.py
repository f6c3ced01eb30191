"""What runtimes of ONNX do not compute in float64: it is written between casts, in float32, and said aloud.

The operations are those for which onnxruntime's CPU provider has no float64 kernel (measured with 1.32).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit.exporters.core.weight_file import WeightFile

FLOAT32_ONLY = frozenset((
    "Conv", "ConvTranspose", "AveragePool", "Erf", "LRN",
    "Elu", "Selu", "Celu", "Softplus", "Softsign", "ThresholdedRelu", "HardSigmoid", "HardSwish",
))  # fmt: skip
_WINDOWS = ("Conv", "ConvTranspose", "AvgPool", "AdaptiveAvgPool")
_LAYERS = (  # written with them
    *(name + rank for name in _WINDOWS for rank in ("1D", "2D", "3D")), "GELU", "LRN",
    "ELU", "SELU", "CELU", "Softplus", "Mish", "Softsign", "ThresholdedReLU", "Hardsigmoid", "Hardswish",
)  # fmt: skip


def describe_rounding(weights: WeightFile) -> list[str]:
    """Return a line about the layers of float64 weights that are computed in float32; none where there are none."""
    if not any(tensor.dtype == "float64" for tensor in weights) or weights.architecture is None:
        return []
    found = Counter(_list_rounded(weights.architecture.get("layers")))
    if not found:
        return []
    layers = ", ".join(f"{count} {kind}" for kind, count in found.items())
    return [
        f"float64 arithmetic in {layers}: runtimes have none, so these compute in float32 (the weights stay float64)"
    ]


def _list_rounded(described: Any) -> Iterator[str]:
    """Yield the types of the layers concerned, at any depth."""
    if isinstance(described, list | tuple):
        for item in described:
            yield from _list_rounded(item)
    elif isinstance(described, Mapping):
        kind = described.get("type")
        if kind in _LAYERS and (kind != "GELU" or described.get("approximate", "none") == "none"):
            yield str(kind)
        for value in described.values():
            yield from _list_rounded(value)
