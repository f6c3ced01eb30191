"""The exact values inside the picture: byte shuffle, zlib, and base64 in lines of 76 characters."""

import base64
import binascii
import json
import math
import zlib
from typing import Any

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile, sha256
from cnnkit.files.names import printable

NAMESPACE = "urn:cnnkit:svg"
FORMAT, VERSION = "cnnkit-svg", 1
ENCODING = "shuffle+zlib+base64"
JSON_FIELDS = ("architecture", "metadata", "position")
LIMIT = 1 << 30
_FREE, _RATIO = 64 << 20, 200
_LEVEL = 2  # within 2 % of level 6 on weights, at three times the speed


def is_too_large(nbytes: int, stored: int) -> bool:
    """Return whether `nbytes` bytes of values are more than `stored` compressed bytes may decode to."""
    return nbytes > max(_FREE, _RATIO * stored)


def encode(values: Array) -> str:
    """Return an array as text: bytes grouped by significance, deflated, base64.

    An array that deflates by more than a reader accepts (large and nearly constant) is stored uncompressed.
    """
    little = np.require(values, values.dtype.newbyteorder("<"), "C").reshape(-1)
    planes = np.ascontiguousarray(little.view(np.uint8).reshape(little.size, little.itemsize).T)
    packed = zlib.compress(planes.data, _LEVEL)
    if is_too_large(planes.nbytes, len(packed)):
        packed = zlib.compress(planes.data, 0)
    return "\n" + base64.encodebytes(packed).decode()  # in lines of 76


def decode(text: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return the array that `encode` wrote. Raises ValueError when the text is damaged, cut or of another size."""
    kind = carrier(dtype).newbyteorder("<")
    expected = math.prod(shape) * kind.itemsize
    try:
        packed = base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("its base64 is damaged") from error
    inflater = zlib.decompressobj()
    try:
        planes = inflater.decompress(packed, expected + 1)
    except zlib.error as error:
        raise ValueError("its compressed bytes are damaged") from error
    if len(planes) != expected or not inflater.eof or inflater.unused_data:
        raise ValueError(f"does not hold the {expected} bytes that it declares")
    if not expected:
        return np.empty(shape, kind.newbyteorder("="))
    rows = np.frombuffer(planes, np.uint8).reshape(kind.itemsize, -1)
    values = np.ascontiguousarray(rows.T).reshape(-1).view(kind)
    return np.require(values, kind.newbyteorder("="), "C").reshape(shape)


def write_header(weights: WeightFile) -> str:
    """Return the header of the data block, ASCII JSON. Raises ExportError for too many values, or metadata not JSON."""
    if sum(tensor.nbytes for tensor in weights) > LIMIT:
        raise ExportError(f"more than {LIMIT >> 20} MiB of values: too much for a picture, write hdf5 or safetensors")
    document = {"format": FORMAT, "version": VERSION}
    document |= {name: getattr(weights, name) for name in JSON_FIELDS}
    document["tensors"] = [_describe(tensor) for tensor in weights]
    try:
        return json.dumps(document, allow_nan=False, indent=1)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExportError(f"architecture, metadata or position is not JSON: {printable(str(error))}") from error


def _describe(tensor: Tensor) -> dict[str, Any]:
    names = ("name", "layer", "kind", "role", "axes", "dtype", "shape")
    return {name: getattr(tensor, name) for name in names} | {"encoding": ENCODING, "sha256": sha256(tensor.read())}
