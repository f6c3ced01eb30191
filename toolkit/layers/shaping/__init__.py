"""Layers that move, cut, repeat or resample values."""

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

SHAPING = (
    Flatten, Reshape, Transpose, ChannelShuffle, Slice, Crop, Pad, Upsample, DepthToSpace, SpaceToDepth, Reduce,
    Rescale, Scale,
)  # fmt: skip
