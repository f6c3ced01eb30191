"""Layers: frozen values with a forward and a backward pass, written against the backend protocol alone."""

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
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.layers.branches import Branches
from cnnkit.layers.dense import Dense
from cnnkit.layers.dropout import Dropout, SpatialDropout
from cnnkit.layers.graph import Graph, Node
from cnnkit.layers.joining.arithmetic import Add, Average, Divide, Multiply, Subtract
from cnnkit.layers.joining.concatenate import Concatenate
from cnnkit.layers.joining.extremes import Maximum, Minimum
from cnnkit.layers.joining.split import Split
from cnnkit.layers.normalisation.batch_norm import BatchNorm
from cnnkit.layers.normalisation.group_norm import GroupNorm
from cnnkit.layers.normalisation.instance_norm import InstanceNorm
from cnnkit.layers.normalisation.layer_norm import LayerNorm
from cnnkit.layers.normalisation.lrn import LRN
from cnnkit.layers.normalisation.rms_norm import RMSNorm
from cnnkit.layers.parallel import Parallel
from cnnkit.layers.residual import Residual
from cnnkit.layers.schema import LAYERS, from_config, to_config
from cnnkit.layers.sequential import Sequential
from cnnkit.layers.shaping.channel_shuffle import ChannelShuffle
from cnnkit.layers.shaping.crop import Crop
from cnnkit.layers.shaping.depth_to_space import DepthToSpace, SpaceToDepth
from cnnkit.layers.shaping.flatten import Flatten
from cnnkit.layers.shaping.pad import Pad
from cnnkit.layers.shaping.reduce import Reduce
from cnnkit.layers.shaping.rescale import Rescale
from cnnkit.layers.shaping.reshape import Reshape
from cnnkit.layers.shaping.scale import Scale
from cnnkit.layers.shaping.slice import Slice
from cnnkit.layers.shaping.transpose import Transpose
from cnnkit.layers.shaping.upsample import Upsample
from cnnkit.layers.windows.adaptive_pooling import (
    AdaptiveAvgPool1D,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    AdaptiveMaxPool1D,
    AdaptiveMaxPool2D,
    AdaptiveMaxPool3D,
)
from cnnkit.layers.windows.average_pooling import AvgPool1D, AvgPool2D, AvgPool3D
from cnnkit.layers.windows.convolution import Conv1D, Conv2D, Conv3D
from cnnkit.layers.windows.global_pooling import (
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
)
from cnnkit.layers.windows.max_pooling import MaxPool1D, MaxPool2D, MaxPool3D
from cnnkit.layers.windows.transposed_convolution import ConvTranspose1D, ConvTranspose2D, ConvTranspose3D

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "LAYERS",
    "LRN",
    "SELU",
    "Abs",
    "AdaptiveAvgPool1D",
    "AdaptiveAvgPool2D",
    "AdaptiveAvgPool3D",
    "AdaptiveMaxPool1D",
    "AdaptiveMaxPool2D",
    "AdaptiveMaxPool3D",
    "Add",
    "Average",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNorm",
    "Branches",
    "ChannelShuffle",
    "Clip",
    "Concatenate",
    "Context",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "ConvTranspose3D",
    "Crop",
    "Dense",
    "DepthToSpace",
    "Divide",
    "Dropout",
    "Exp",
    "Flatten",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "Graph",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Log",
    "LogSoftmax",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "Maximum",
    "Minimum",
    "Mish",
    "Multiply",
    "Node",
    "PReLU",
    "Pad",
    "Parallel",
    "Power",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "Reciprocal",
    "Reduce",
    "Rescale",
    "Reshape",
    "Residual",
    "Scale",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "SpatialDropout",
    "Split",
    "Sqrt",
    "Square",
    "Subtract",
    "Tanh",
    "ThresholdedReLU",
    "Transpose",
    "Upsample",
    "Variables",
    "from_config",
    "to_config",
]
