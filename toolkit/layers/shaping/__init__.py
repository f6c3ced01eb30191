"""Layers that move, cut, repeat or resample values."""

from cnnkit.layers.shaping.flatten import Flatten
from cnnkit.layers.shaping.reshape import Reshape

SHAPING = (Flatten, Reshape)
