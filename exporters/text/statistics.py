"""The statistics in a tensor's heading: extent, mean, spread, and how many values are not finite."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnkit.exporters.core.architecture import LayerEntry, all_layers, outer_layers
from cnnkit.exporters.core.float_types import FLOATS
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.files.names import printable

_SLICE = 1 << 14
_DERIVED = ("type", "path", "input_shape", "output_shape", "name", "shares")


def summarise(tensor: Tensor, values: Array, layers: Mapping[str, str]) -> str:
    """Return "weight of layer 0, Conv2D(features=8, window=3): 8 x 1 x 3 x 3 = 72 numbers, min ..., mean ..." in ASCII.

    layers: {path: the layer in words}. Mean and std (of the population) are those of the finite values, in float64.
    """
    layer = printable(tensor.layer)
    where = f" of layer {layer}" + (f", {layers[tensor.layer]}" if tensor.layer in layers else "") if layer else ""
    kind = "" if tensor.kind == "parameter" else f"{tensor.kind}, "
    factors = " x ".join(map(str, tensor.shape)) + " = " if len(tensor.shape) > 1 else ""
    what = f"{kind}{tensor.role}{where}: {factors}{tensor.parameters:,} number{'' if tensor.parameters == 1 else 's'}"
    return (
        ", ".join((what, *_compute_figures(values.reshape(-1), tensor.dtype)))
        .encode("ascii", "backslashreplace")
        .decode()
    )


def describe_layers(architecture: Mapping[str, Any] | None) -> dict[str, str]:
    """Return {path: "Conv2D(features=8, window=3)"} of all layers."""
    return {layer.path: _describe(layer) for layer in all_layers(outer_layers(architecture))}


def _describe(layer: LayerEntry) -> str:
    fields = (
        f"{key}={value}"
        for key, value in layer.fields.items()
        if key not in _DERIVED and isinstance(value, int | float | str) and "initializer" not in key
    )
    return printable(f"{layer.type}({', '.join(fields)})")


def _compute_figures(flat: Array, dtype: str) -> list[str]:
    kind = FLOATS.get(dtype)
    count = missing = 0
    low, high, mean, squares = math.inf, -math.inf, 0.0, 0.0
    for start in range(0, flat.size, _SLICE):
        part = flat[start : start + _SLICE]
        if kind is not None:
            pattern = part.view(kind.carrier)
            odd = kind.not_finite(pattern)
            if odd.any():
                missing += int(np.count_nonzero(odd))
                part, pattern = part[~odd], pattern[~odd]
            wide = kind.to_float64(pattern)
        else:
            wide = part.astype(np.float64)
        if not wide.size:
            continue
        with np.errstate(all="ignore"):  # float64 near its limits
            low, high = min(low, float(wide.min())), max(high, float(wide.max()))
            here = float(wide.mean())
            wide -= here
            share = wide.size / (count + wide.size)
            squares += float(np.square(wide, out=wide).sum()) + (here - mean) ** 2 * count * share
            mean += (here - mean) * share
        count += wide.size
    figures = [f"{missing:,} not finite"] if missing else []
    if count:
        std = math.sqrt(squares / count)
        figures = [f"min {low:.6g}", f"max {high:.6g}", f"mean {mean:.4g}", f"std {std:.4g}", *figures]
    return figures
