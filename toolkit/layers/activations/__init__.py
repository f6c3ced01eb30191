"""Activations: what is computed from each value alone, or from the values along an axis."""

from cnnkit.layers.activations.gelu import GELU
from cnnkit.layers.activations.leaky_relu import LeakyReLU
from cnnkit.layers.activations.relu import ReLU
from cnnkit.layers.activations.sigmoid import Sigmoid
from cnnkit.layers.activations.softmax import Softmax
from cnnkit.layers.activations.tanh import Tanh

ACTIVATIONS = (ReLU, LeakyReLU, Sigmoid, Tanh, GELU, Softmax)
