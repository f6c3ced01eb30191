"""Layers that bring values to mean 0 and variance 1, over the batch or within a sample."""

from cnnkit.layers.normalisation.batch_norm import BatchNorm
from cnnkit.layers.normalisation.layer_norm import LayerNorm

NORMALISATION = (BatchNorm, LayerNorm)
