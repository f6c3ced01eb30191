"""Layers that bring values to mean 0 and variance 1, over the batch or within a sample, and their relatives."""

from cnnkit.layers.normalisation.batch_norm import BatchNorm
from cnnkit.layers.normalisation.group_norm import GroupNorm
from cnnkit.layers.normalisation.instance_norm import InstanceNorm
from cnnkit.layers.normalisation.layer_norm import LayerNorm
from cnnkit.layers.normalisation.lrn import LRN
from cnnkit.layers.normalisation.rms_norm import RMSNorm

NORMALISATION = (BatchNorm, LayerNorm, GroupNorm, InstanceNorm, RMSNorm, LRN)
