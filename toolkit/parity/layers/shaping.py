"""Cases of what moves values: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, LayerCases

SHAPING: LayerCases = {
    "Flatten": [(layers.Flatten(), IMAGES)],
    "Reshape": [(layers.Reshape((7, 1, 1)), ROW)],
}  # fmt: skip
