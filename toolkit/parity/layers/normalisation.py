"""Cases of normalising layers: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, SEQUENCE, VOLUME, LayerCases

NORMALISATION: LayerCases = {
    "BatchNorm": [
        (layers.BatchNorm(), IMAGES), (layers.BatchNorm(epsilon=0.1, momentum=0.5), ROW),
        (layers.BatchNorm(shift=False), SEQUENCE), (layers.BatchNorm(scale=False), VOLUME),
        (layers.BatchNorm(scale=False, shift=False), IMAGES),
    ],
    "LayerNorm": [
        (layers.LayerNorm(), IMAGES), (layers.LayerNorm(epsilon=0.1), ROW), (layers.LayerNorm(axes=(1,)), IMAGES),
        (layers.LayerNorm(axes=(-1,), shift=False), SEQUENCE), (layers.LayerNorm(axes=(3, 1), scale=False), IMAGES),
    ],
    "GroupNorm": [
        (layers.GroupNorm(2), IMAGES), (layers.GroupNorm(1, epsilon=0.1, scale=False), VOLUME),
        (layers.GroupNorm(2, shift=False), (6,)),
    ],
    "InstanceNorm": [
        (layers.InstanceNorm(), IMAGES), (layers.InstanceNorm(shift=False), SEQUENCE),
        (layers.InstanceNorm(epsilon=0.1, scale=False, shift=False), VOLUME),
    ],
    "RMSNorm": [
        (layers.RMSNorm(), IMAGES), (layers.RMSNorm(epsilon=0.1, axes=(-1, 1)), VOLUME),
        (layers.RMSNorm(scale=False), ROW),
    ],
    "LRN": [
        (layers.LRN(3, alpha=0.5), IMAGES), (layers.LRN(2, alpha=0.4, beta=0.5, bias=2.0), SEQUENCE),
        (layers.LRN(50, alpha=2.0), ROW),
    ],
}  # fmt: skip
