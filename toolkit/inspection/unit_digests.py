"""SHA-256 of single units of a tensor, which is read piece by piece: whether two are the same takes no more memory."""

import bisect
import hashlib
import math

import numpy as np

from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.inspection.pieces import VALUES, pieces


def unit_digests(tensor: Tensor, axis: int, units: list[int]) -> list[bytes]:
    """Return the sum of the values of each of `units`, in ascending order, of those that `axis` counts."""
    lead, count = math.prod(tensor.shape[:axis]), tensor.shape[axis]
    inner = math.prod(tensor.shape[axis + 1 :])
    sums = [hashlib.sha256() for _ in units]
    if lead == 1:
        position = 0
        for piece in pieces(tensor):
            first = bisect.bisect_left(units, position // inner)
            last = bisect.bisect_left(units, -(-(position + piece.size) // inner))
            for unit, found in zip(units[first:last], sums[first:last], strict=True):
                found.update(_bytes(piece[max(unit * inner - position, 0) : (unit + 1) * inner - position]))
            position += piece.size
    else:
        period = count * inner
        for piece in pieces(tensor, period * max(VALUES // period, 1)):
            rows = np.ascontiguousarray(piece.reshape(-1, count, inner)[:, units].swapaxes(0, 1))
            for row, found in zip(rows, sums, strict=True):
                found.update(_bytes(row))
    return [found.digest() for found in sums]


def _bytes(values: Array) -> memoryview:
    return values.reshape(-1).view(np.uint8).data
