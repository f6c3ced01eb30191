"""InstanceNorm: normalises each channel of each sample to mean 0 and variance 1, then scales and shifts it."""

from dataclasses import dataclass

from cnnkit.backends.protocol import Shape
from cnnkit.layers.normalisation.group_norm import ChannelGroups
from cnnkit.layers.spatial import reshape_hint


@dataclass(frozen=True)
class InstanceNorm(ChannelGroups):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta over the positions of one channel of one sample.

    x (N, C, L), (N, C, H, W) or (N, C, D, H, W); gamma, beta (C). The variance is biased, and the same in training and
    inference. Ulyanov, Vedaldi and Lempitsky 2016. torch.nn's has gamma and beta with affine=True only.
    """

    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        self.require_fields()

    def count_groups(self, channels: int) -> int:
        return channels

    def output_shape(self, x_shape: Shape) -> Shape:
        if len(x_shape) < 2:
            raise self.refuse("(N, C, ...) with positions", x_shape, reshape_hint(x_shape))
        return x_shape
