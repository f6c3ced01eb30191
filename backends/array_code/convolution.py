"""Convolution and its two gradients as one GEMM a group over im2col's columns.

Results are (N, O, OH, OW) views of (O, N, OH, OW) arrays: what the GEMM writes and what the next one reads.
"""

from cnnkit.backends.array_code.windows import Tools, add_columns, channels_first, columns
from cnnkit.backends.protocol import Native, Padding, Pair, Shape


def forward(
    tools: Tools, x: Native, weight: Native, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> Native:
    """Return y (N, O, OH, OW) of x (N, C, H, W) and weight (O, C/groups, KH, KW)."""
    cols, outputs = columns(tools, x, weight.shape[2:], stride, padding, dilation)
    y = tools.gemm(_kernels(weight, groups), _by_group(cols, groups))
    return channels_first(y.reshape((weight.shape[0], x.shape[0], *outputs)))


def input_gradient(
    tools: Tools,
    dy: Native,
    weight: Native,
    x_shape: Shape,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> Native:
    """Return dx of x_shape (N, C, H, W)."""
    n, _, *outputs = dy.shape
    shape = (x_shape[1], *weight.shape[2:], n, *outputs)
    cols = tools.scratch("columns", shape, dy.dtype)
    tools.gemm(_kernels(weight, groups).transpose(0, 2, 1), _by_channel(dy, groups), out=_by_group(cols, groups))
    return add_columns(tools, cols, x_shape, stride, padding, dilation)


def weight_gradient(
    tools: Tools,
    dy: Native,
    x: Native,
    weight_shape: Shape,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> Native:
    """Return dweight of weight_shape (O, C/groups, KH, KW)."""
    window = (weight_shape[2], weight_shape[3])
    cols, _ = columns(tools, x, window, stride, padding, dilation)
    dweight = tools.gemm(_by_channel(dy, groups), _by_group(cols, groups).transpose(0, 2, 1))
    return dweight.reshape(weight_shape)


def _kernels(weight: Native, groups: int) -> Native:
    """View (O, I, KH, KW) as (G, O/G, I*KH*KW)."""
    return weight.reshape((groups, weight.shape[0] // groups, -1))


def _by_group(cols: Native, groups: int) -> Native:
    """View (C, KH, KW, N, OH, OW) as (G, C/G*KH*KW, N*OH*OW)."""
    c, kh, kw = cols.shape[:3]
    return cols.reshape((groups, c // groups * kh * kw, -1))


def _by_channel(dy: Native, groups: int) -> Native:
    """View (N, O, OH, OW) as (G, O/G, N*OH*OW)."""
    return channels_first(dy).reshape((groups, dy.shape[1] // groups, -1))
