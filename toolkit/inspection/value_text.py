"""Every value of a tensor as text: the shortest digits that read back to the same bits, streamed line by line."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from cnnkit.exporters.core.number_text.digits import dump_json
from cnnkit.exporters.core.number_text.layout import choose_layout
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.exporters.text.body import format_values


def lines(tensor: Tensor, values: Array, maps: tuple[int, ...] | None = None) -> Iterator[str]:
    """Yield the values as lines, 2-D slices labelled with their indices; `maps` is (C, H, W) where rows are images."""
    if values.dtype.kind == "c":
        for value in values.reshape(-1).tolist():
            yield f" {value!r}\n"
        return
    if tensor.dtype.startswith("float8"):
        tensor, values = replace(tensor, dtype="float32"), decode(values, tensor.dtype)
    for text in format_values(tensor, values, choose_layout(values.shape, maps), None):
        yield text.decode()


def as_json(tensor: Tensor, values: Array) -> Any:
    """Return the values as nested lists; NaN and infinities are None, complex values [real, imaginary]."""
    if values.dtype.kind == "c":
        values = np.stack([np.real(values), np.imag(values)], -1)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    known = decode(values, tensor.dtype)
    found = json.loads(dump_json(np.ascontiguousarray(known)))  # of a 0-d array: a list of one
    return found if known.ndim else found[0]
