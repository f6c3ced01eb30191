"""Cosine distance: the angle between what is wanted and what comes, whatever their lengths."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Array, Backend
from cnnkit.losses.mean import MeanLoss

SHORTEST = 1e-8  # a vector that is shorter counts as this long


@dataclass(frozen=True)
class CosineDistance(MeanLoss):
    """loss = mean over samples and places of 1 - <output, target> / (|output| * |target|), along axis 1.

    A length below 1e-8 counts as 1e-8, as in PyTorch's cosine_similarity.
    """

    kinds = ("numbers", "values", "input")

    def terms(self, backend: Backend, outputs: Array, wanted: Array) -> tuple[Array, Array]:
        direction, length = _normalise(backend, outputs)
        aim, _ = _normalise(backend, wanted)
        cosine = backend.sum(direction * aim, axis=1, keepdims=True)
        turned = backend.where(length > SHORTEST, cosine * direction - aim, -aim)
        return 1 - cosine, turned / backend.maximum(length, SHORTEST)


def _normalise(backend: Backend, x: Array) -> tuple[Array, Array]:
    """Return x / max(|x|, SHORTEST) and |x| (N, 1, ...); no square overflows."""
    largest = backend.max(backend.maximum(x, -x), axis=1, keepdims=True)
    scaled = x / backend.where(largest > 0, largest, 1.0)
    norm = backend.sqrt(backend.sum(scaled * scaled, axis=1, keepdims=True))
    length = largest * norm
    unit = scaled / backend.where(norm > 0, norm, 1.0)
    return backend.where(length > SHORTEST, unit, x / SHORTEST), length
