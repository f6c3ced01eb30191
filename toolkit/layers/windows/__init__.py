"""Layers whose windows slide over a signal, an image or a volume: convolution and pooling."""

from cnnkit.layers.windows.avg_pool2d import AvgPool2D
from cnnkit.layers.windows.conv2d import Conv2D
from cnnkit.layers.windows.conv_transpose2d import ConvTranspose2D
from cnnkit.layers.windows.global_avg_pool2d import GlobalAvgPool2D
from cnnkit.layers.windows.max_pool2d import MaxPool2D

WINDOWS = (Conv2D, ConvTranspose2D, MaxPool2D, AvgPool2D, GlobalAvgPool2D)
