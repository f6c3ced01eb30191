"""The values of tensors inside the page: base64 in blocks that a browser neither shows nor runs."""

import base64

import numpy as np

from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Tensor

BUDGET = 48 << 20  # bytes of values in one page; larger pages open slowly
_TYPES = {"float16": "float32", "bool": "uint8"}  # what a browser has no array for


def chosen(tensors: tuple[Tensor, ...], budget: int = BUDGET) -> set[int]:
    """Return the ids of the tensors whose values go into the page: the smallest first."""
    found, left = set[int](), budget
    for tensor in sorted(tensors, key=lambda tensor: tensor.nbytes):
        if tensor.parameters and not tensor.dtype.startswith("complex") and tensor.nbytes <= left:
            left -= tensor.nbytes
            found.add(id(tensor))
    return found


def block(tensor: Tensor, key: str) -> tuple[str, str]:
    """Return (name of the type in the block, the block); types that a browser lacks are widened, which is exact."""
    array = decode(tensor.read(), tensor.dtype)
    dtype = np.dtype(_TYPES.get(array.dtype.name, array.dtype.name))
    data = np.ascontiguousarray(array, dtype.newbyteorder("<"))
    text = base64.b64encode(data.reshape(-1).view(np.uint8).data).decode()
    return dtype.name, f'<script type="text/plain" id="{key}">{text}</script>\n'
