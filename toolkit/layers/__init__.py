"""Layers: frozen values with a forward and a backward pass, written against the backend protocol alone."""

from cnnkit.layers.avg_pool2d import AvgPool2D
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.batch_norm import BatchNorm
from cnnkit.layers.branches import Branches
from cnnkit.layers.conv2d import Conv2D
from cnnkit.layers.conv_transpose2d import ConvTranspose2D
from cnnkit.layers.dense import Dense
from cnnkit.layers.dropout import Dropout
from cnnkit.layers.flatten import Flatten
from cnnkit.layers.gelu import GELU
from cnnkit.layers.global_avg_pool2d import GlobalAvgPool2D
from cnnkit.layers.layer_norm import LayerNorm
from cnnkit.layers.leaky_relu import LeakyReLU
from cnnkit.layers.max_pool2d import MaxPool2D
from cnnkit.layers.parallel import Parallel
from cnnkit.layers.relu import ReLU
from cnnkit.layers.reshape import Reshape
from cnnkit.layers.residual import Residual
from cnnkit.layers.schema import LAYERS, from_config, to_config
from cnnkit.layers.sequential import Sequential
from cnnkit.layers.sigmoid import Sigmoid
from cnnkit.layers.softmax import Softmax
from cnnkit.layers.tanh import Tanh

__all__ = [
    "GELU",
    "LAYERS",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Context",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "Parallel",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Variables",
    "from_config",
    "to_config",
]
