"""Convolution and its gradients by PyTorch's own, for one, two and three spatial axes."""

from typing import Any

from cnnkit.backends.protocol import Native, Padding, Shape, Sizes
from cnnkit.backends.pytorch.padding import cut_out, even_shape, make_even


def forward(
    torch: Any, x: Native, weight: Native, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Native:
    """Return y (N, O, OH, OW) of x (N, C, H, W) and weight (O, C/groups, KH, KW)."""
    convolve = (torch.conv1d, torch.conv2d, torch.conv3d)[len(stride) - 1]
    x, even = make_even(torch, x, padding, 0)
    return convolve(x, _channels_last(torch, weight), None, stride, even, dilation, groups)


def input_gradient(
    torch: Any, dy: Native, weight: Native, x_shape: Shape,
    stride: Sizes, padding: Padding, dilation: Sizes, groups: int,
) -> Native:  # fmt: skip
    """Return dx of x_shape."""
    shape, even = even_shape(x_shape, padding)
    x = dy.new_empty((1,)).expand(shape)  # only its shape is used
    weight = _channels_last(torch, weight)
    dx = _gradients(torch, dy, x, weight, stride, even, dilation, groups, (True, False, False))[0]
    return dx if shape == x_shape else cut_out(dx, x_shape, padding)


def weight_gradient(
    torch: Any, dy: Native, x: Native, weight_shape: Shape,
    stride: Sizes, padding: Padding, dilation: Sizes, groups: int,
) -> Native:  # fmt: skip
    """Return dweight of weight_shape."""
    x, even = make_even(torch, x, padding, 0)
    if set(weight_shape[2:]) == {1} and not any(even) and set(stride) != {1}:
        # oneDNN's own code for this writes past its memory on processors with AVX2 (its issue 6035).
        x, stride = x[(slice(None), slice(None), *(slice(None, None, s) for s in stride))], (1,) * len(stride)
    weight = _channels_last(torch, dy.new_empty((1,)).expand(weight_shape))  # only its shape and layout are used
    return _gradients(torch, dy, x, weight, stride, even, dilation, groups, (False, True, False))[1]


def _channels_last(torch: Any, weight: Native) -> Native:
    """Return the weight in the layout that gives outputs with channels last on a CPU, which is faster there."""
    if weight.device.type != "cpu" or weight.ndim == 3:  # PyTorch has no such layout for signals
        return weight
    layout = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
    # Copied even where one channel makes both layouts the same memory: PyTorch looks at the strides.
    return torch.empty_like(weight, memory_format=layout).copy_(weight)


def _gradients(
    torch: Any, dy: Native, x: Native, weight: Native,
    stride: Sizes, even: Sizes, dilation: Sizes, groups: int, mask: tuple[bool, bool, bool],
) -> Any:  # fmt: skip
    """Return (dx, dweight, dbias), those of them that `mask` names."""
    no_output_padding = (0,) * len(stride)
    return torch.ops.aten.convolution_backward(
        dy, x, weight, None, stride, even, dilation, False, no_output_padding, groups, mask
    )
