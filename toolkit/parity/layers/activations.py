"""Cases of activations: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, LayerCases

ACTIVATIONS: LayerCases = {
    "ReLU": [(layers.ReLU(), IMAGES)],
    "LeakyReLU": [(layers.LeakyReLU(slope=0.2), ROW)],
    "Sigmoid": [(layers.Sigmoid(), IMAGES)],
    "Tanh": [(layers.Tanh(), ROW)],
    "GELU": [(layers.GELU(), IMAGES), (layers.GELU(approximate="tanh"), ROW)],
    "Softmax": [(layers.Softmax(), IMAGES), (layers.Softmax(), ROW)],
}  # fmt: skip
