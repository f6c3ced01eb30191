"""The values of tensors inside the page: base64 in blocks that browsers neither show nor run."""

import base64

import numpy as np

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor

BUDGET = 48 << 20  # bytes of values per page; larger pages open slowly
_TYPES = {"float16": "float32", "bool": "uint8"}  # types without an array in browsers


def choose(tensors: tuple[Tensor, ...], budget: int = BUDGET) -> set[int]:
    """Return the ids of the tensors to embed: the smallest first, up to `budget` bytes."""
    selected, remaining = set[int](), budget
    for tensor in sorted(tensors, key=lambda tensor: tensor.nbytes):
        if tensor.parameters and not tensor.dtype.startswith("complex") and tensor.nbytes <= remaining:
            remaining -= tensor.nbytes
            selected.add(id(tensor))
    return selected


def embed(tensor: Tensor, key: str) -> tuple[str, str]:
    """Return (element type in the block, the block); types that browsers lack are widened without loss."""
    array = decode(tensor.read(), tensor.dtype)
    dtype = np.dtype(_TYPES.get(array.dtype.name, array.dtype.name))
    data = np.ascontiguousarray(array, dtype.newbyteorder("<"))
    text = base64.b64encode(data.reshape(-1).view(np.uint8).data).decode()
    return dtype.name, f'<script type="text/plain" id="{key}">{text}</script>\n'
