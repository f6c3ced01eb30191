"""Layers: frozen values with a forward and a backward pass, written against the backend protocol alone."""

from cnnkit.layers.activations.gelu import GELU
from cnnkit.layers.activations.leaky_relu import LeakyReLU
from cnnkit.layers.activations.relu import ReLU
from cnnkit.layers.activations.sigmoid import Sigmoid
from cnnkit.layers.activations.softmax import Softmax
from cnnkit.layers.activations.tanh import Tanh
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.branches import Branches
from cnnkit.layers.dense import Dense
from cnnkit.layers.dropout import Dropout
from cnnkit.layers.graph import Graph, Node
from cnnkit.layers.joining.arithmetic import Add, Average, Divide, Multiply, Subtract
from cnnkit.layers.joining.concatenate import Concatenate
from cnnkit.layers.joining.extremes import Maximum, Minimum
from cnnkit.layers.joining.split import Split
from cnnkit.layers.normalisation.batch_norm import BatchNorm
from cnnkit.layers.normalisation.layer_norm import LayerNorm
from cnnkit.layers.parallel import Parallel
from cnnkit.layers.residual import Residual
from cnnkit.layers.schema import LAYERS, from_config, to_config
from cnnkit.layers.sequential import Sequential
from cnnkit.layers.shaping.flatten import Flatten
from cnnkit.layers.shaping.reshape import Reshape
from cnnkit.layers.windows.avg_pool2d import AvgPool2D
from cnnkit.layers.windows.conv2d import Conv2D
from cnnkit.layers.windows.conv_transpose2d import ConvTranspose2D
from cnnkit.layers.windows.global_avg_pool2d import GlobalAvgPool2D
from cnnkit.layers.windows.max_pool2d import MaxPool2D

__all__ = [
    "GELU",
    "LAYERS",
    "Add",
    "Average",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Concatenate",
    "Context",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Divide",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "Graph",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Node",
    "Parallel",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Split",
    "Subtract",
    "Tanh",
    "Variables",
    "from_config",
    "to_config",
]
