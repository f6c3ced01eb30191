"""Cases of normalising layers: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, LayerCases

NORMALISATION: LayerCases = {
    "BatchNorm": [(layers.BatchNorm(), IMAGES), (layers.BatchNorm(epsilon=0.1, momentum=0.5), ROW)],
    "LayerNorm": [(layers.LayerNorm(), IMAGES), (layers.LayerNorm(epsilon=0.1), ROW)],
}  # fmt: skip
