"""Activations: what is computed from each value alone, or from the values along an axis."""

from cnnkit.layers.activations.abs import Abs
from cnnkit.layers.activations.celu import CELU
from cnnkit.layers.activations.clip import Clip
from cnnkit.layers.activations.elu import ELU
from cnnkit.layers.activations.exp import Exp
from cnnkit.layers.activations.gelu import GELU
from cnnkit.layers.activations.hardsigmoid import Hardsigmoid
from cnnkit.layers.activations.hardswish import Hardswish
from cnnkit.layers.activations.leaky_relu import LeakyReLU
from cnnkit.layers.activations.log import Log
from cnnkit.layers.activations.log_softmax import LogSoftmax
from cnnkit.layers.activations.mish import Mish
from cnnkit.layers.activations.power import Power
from cnnkit.layers.activations.prelu import PReLU
from cnnkit.layers.activations.reciprocal import Reciprocal
from cnnkit.layers.activations.relu import ReLU
from cnnkit.layers.activations.relu6 import ReLU6
from cnnkit.layers.activations.selu import SELU
from cnnkit.layers.activations.sigmoid import Sigmoid
from cnnkit.layers.activations.silu import SiLU
from cnnkit.layers.activations.softmax import Softmax
from cnnkit.layers.activations.softplus import Softplus
from cnnkit.layers.activations.softsign import Softsign
from cnnkit.layers.activations.sqrt import Sqrt
from cnnkit.layers.activations.square import Square
from cnnkit.layers.activations.tanh import Tanh
from cnnkit.layers.activations.thresholded_relu import ThresholdedReLU

ACTIVATIONS = (
    ReLU, LeakyReLU, PReLU, ReLU6, Clip, ThresholdedReLU, Sigmoid, Tanh, GELU, SiLU, Mish, ELU, SELU, CELU, Softplus,
    Softsign, Hardsigmoid, Hardswish, Softmax, LogSoftmax, Exp, Log, Sqrt, Abs, Square, Reciprocal, Power,
)  # fmt: skip
