"""Role and axes of an array by MATLAB's name for it: MatConvNet's layers, and common words."""

import re
from collections.abc import Mapping

from cnnkit.exporters.core.name_conventions import find_word_role
from cnnkit.exporters.core.weight_file import numbered_axes

_PART = re.compile(r"(?P<layer>(?:.*[.}])?layers\{\d+\})\.(?P<word>weights\{(?P<index>[123])\}|filters|biases)")
_NORMALISED = {
    "1": ("parameter", "gamma"),
    "2": ("parameter", "beta"),
    "3": ("state", "other"),
}  # 3: mean and deviation


def interpret_array(name: str, rank: int, texts: Mapping[str, str]) -> tuple[str, str, str, tuple[str, ...]]:
    """Return (layer, kind, role, axes) of an array; `texts` holds the text in the file by name.

    In MatConvNet a layer is a struct with `weights` {kernel, bias}, or formerly `filters` and `biases`; a kernel is
    (height, width, inputs, outputs), of a transposed convolution (height, width, outputs, inputs).
    """
    axes = numbered_axes(rank)
    part = _PART.fullmatch(name)
    if part is None:
        layer, _, word = name.rpartition(".")
        kind, role = find_word_role(re.sub(r"[{(]\d+[)}]$", "", word))
        return layer or name, kind, role, axes
    layer, form = part["layer"], texts.get(f"{part['layer']}.type", "conv")
    if form == "bnorm" and part["index"]:
        kind, role = _NORMALISED[part["index"]]
        return layer, kind, role, axes
    if part["index"] == "3":
        return layer, "parameter", "other", axes
    if part["word"] in ("weights{2}", "biases"):
        return layer, "parameter", "bias", axes
    if rank == 4:
        axes = ("kh", "kw", "o", "i") if form == "convt" else ("kh", "kw", "i", "o")
    return layer, "parameter", "weight", axes
