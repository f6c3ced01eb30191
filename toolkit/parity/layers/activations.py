"""Cases of activations: type -> [(layer, shape of a sample)]."""

from cnnkit import layers
from cnnkit.parity.layers.samples import IMAGES, ROW, SEQUENCE, VOLUME, LayerCases

ACTIVATIONS: LayerCases = {
    "ReLU": [(layers.ReLU(), IMAGES)],
    "LeakyReLU": [(layers.LeakyReLU(slope=0.2), ROW)],
    "PReLU": [
        (layers.PReLU(), IMAGES), (layers.PReLU(), ROW), (layers.PReLU(axes=()), IMAGES),
        (layers.PReLU(axes=(-1, 1)), VOLUME),
    ],
    "ReLU6": [(layers.ReLU6(), IMAGES)],
    "Clip": [(layers.Clip(-0.5, 0.7), IMAGES), (layers.Clip(high=0.2), ROW), (layers.Clip(low=-1), SEQUENCE)],
    "ThresholdedReLU": [(layers.ThresholdedReLU(0.3), IMAGES)],
    "Sigmoid": [(layers.Sigmoid(), IMAGES)],
    "Tanh": [(layers.Tanh(), ROW)],
    "GELU": [(layers.GELU(), IMAGES), (layers.GELU(approximate="tanh"), ROW)],
    "SiLU": [(layers.SiLU(), IMAGES)],
    "Mish": [(layers.Mish(), IMAGES)],
    "ELU": [(layers.ELU(), IMAGES), (layers.ELU(alpha=0.3), ROW)],
    "SELU": [(layers.SELU(), IMAGES)],
    "CELU": [(layers.CELU(alpha=0.5), IMAGES)],
    "Softplus": [(layers.Softplus(), IMAGES)],
    "Softsign": [(layers.Softsign(), IMAGES)],
    "Hardsigmoid": [(layers.Hardsigmoid(), IMAGES), (layers.Hardsigmoid(slope=0.2), ROW)],
    "Hardswish": [(layers.Hardswish(), IMAGES)],
    "Softmax": [
        (layers.Softmax(), IMAGES), (layers.Softmax(), ROW), (layers.Softmax(axes=(-1,)), SEQUENCE),
        (layers.Softmax(axes=(2, 3)), IMAGES),
    ],
    "LogSoftmax": [(layers.LogSoftmax(), ROW), (layers.LogSoftmax(axes=(1, 2)), SEQUENCE)],
    "Exp": [(layers.Exp(), IMAGES)],
    "Log": [(layers.Log(), IMAGES)],
    "Sqrt": [(layers.Sqrt(), IMAGES)],
    "Abs": [(layers.Abs(), IMAGES)],
    "Square": [(layers.Square(), IMAGES)],
    "Reciprocal": [(layers.Reciprocal(), IMAGES)],
    "Power": [(layers.Power(exponent), ROW) for exponent in (2, -0.75, 0, 1.0)],
}  # fmt: skip
