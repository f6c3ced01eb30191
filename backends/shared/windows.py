"""How many windows fit on an image."""

from cnnkit.backends.protocol import Padding, Pair, Shape


def output_size(size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """O = floor((N + P - D*(F - 1) - 1) / S) + 1."""
    return (size + sum(padding) - dilation * (window - 1) - 1) // stride + 1


def output_sizes(x_shape: Shape, window: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return (OH, OW) of images x_shape (N, C, H, W)."""
    return (
        output_size(x_shape[2], window[0], stride[0], padding[0], dilation[0]),
        output_size(x_shape[3], window[1], stride[1], padding[1], dilation[1]),
    )
