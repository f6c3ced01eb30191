"""Layers whose windows slide over a signal, an image or a volume: convolution and pooling."""

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

WINDOWS = (
    Conv1D, Conv2D, Conv3D, ConvTranspose1D, ConvTranspose2D, ConvTranspose3D,
    MaxPool1D, MaxPool2D, MaxPool3D, AvgPool1D, AvgPool2D, AvgPool3D,
    GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D, GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D,
    AdaptiveAvgPool1D, AdaptiveAvgPool2D, AdaptiveAvgPool3D,
    AdaptiveMaxPool1D, AdaptiveMaxPool2D, AdaptiveMaxPool3D,
)  # fmt: skip
