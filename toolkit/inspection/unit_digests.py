"""SHA-256 of single units of a tensor: equality of units, tested with one piece of the tensor in memory."""

import bisect
import hashlib
import math

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.inspection.pieces import VALUES, read_pieces


def digest_units(tensor: Tensor, axis: int, units: list[int]) -> list[bytes]:
    """Return the SHA-256 of the values of each of `units` (ascending indices along `axis`)."""
    lead, count = math.prod(tensor.shape[:axis]), tensor.shape[axis]
    inner = math.prod(tensor.shape[axis + 1 :])
    digests = [hashlib.sha256() for _ in units]
    if lead == 1:
        position = 0
        for piece in read_pieces(tensor):
            first = bisect.bisect_left(units, position // inner)
            last = bisect.bisect_left(units, -(-(position + piece.size) // inner))
            for unit, digest in zip(units[first:last], digests[first:last], strict=True):
                digest.update(_bytes(piece[max(unit * inner - position, 0) : (unit + 1) * inner - position]))
            position += piece.size
    else:
        period = count * inner
        for piece in read_pieces(tensor, period * max(VALUES // period, 1)):
            rows = np.ascontiguousarray(piece.reshape(-1, count, inner)[:, units].swapaxes(0, 1))
            for row, digest in zip(rows, digests, strict=True):
                digest.update(_bytes(row))
    return [digest.digest() for digest in digests]


def _bytes(values: Array) -> memoryview:
    return values.reshape(-1).view(np.uint8).data
