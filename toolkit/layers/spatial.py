"""The arithmetic of windows over one, two or three spatial axes: padding, output sizes, and how axes are called."""

from typing import Literal

from cnnkit.backends.protocol import Padding, Pair, Shape, Sizes

Size = int | Sizes  # one number for all spatial axes, or one for each
PaddingField = int | Sizes | Padding | Literal["valid", "same", "same_lower"]

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LETTERS = {1: "L", 2: "HW", 3: "DHW"}
KERNEL_AXES = {1: ("k",), 2: ("kh", "kw"), 3: ("kd", "kh", "kw")}


def per_axis(value: Size, rank: int) -> Sizes:
    """Return one number for each of `rank` spatial axes: 3 -> (3, 3)."""
    return (value,) * rank if isinstance(value, int) else value


def describe_x(rank: int, channels: int | str = "C") -> str:
    """Return the shape of x with its axes by letter: "(N, C, H, W)"."""
    return f"({', '.join(['N', str(channels), *LETTERS[rank]])})"


def reshape_hint(x_shape: Shape, rank: int = 2) -> str:
    """Return a hint for layers that need `rank` spatial axes: which Reshape to put before them."""
    axes = ", ".join(("channels", *AXES[rank]))
    return f"put Reshape(({axes})) before it, with {'*'.join(map(str, x_shape))} values in all"


def resolve_padding(padding: PaddingField, sizes: Sizes, window: Sizes, stride: Sizes, dilation: Sizes) -> Padding:
    """Return (begin, end) for each spatial axis.

    "same" and "same_lower" give ceil(N/S) outputs; of an odd padding one more stands at the end (ONNX SAME_UPPER), or
    at the beginning (SAME_LOWER).
    """
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(window)
        totals = [max((-(-n // s) - 1) * s + d * (w - 1) + 1 - n, 0) for n, w, s, d in zip(
            sizes, window, stride, dilation, strict=True
        )]  # fmt: skip
        uppers = tuple((total // 2, total - total // 2) for total in totals)
        return uppers if padding == "same" else tuple((end, begin) for begin, end in uppers)
    return even_sides(padding, len(window))


def even_sides(padding: int | Sizes | Padding, rank: int) -> Padding:
    """Return (begin, end) for each of `rank` spatial axes: 1 -> ((1, 1), (1, 1)); pairs stay."""
    numbers = (padding,) * rank if isinstance(padding, int) else padding
    return tuple((number, number) if isinstance(number, int) else number for number in numbers)


def measure_extents(window: Sizes, dilation: Sizes) -> Sizes:
    """Return D*(F - 1) + 1 for each axis: from the first to the last pixel of a window."""
    return tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))


def output_size(size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """O = floor((N + P - D*(F - 1) - 1) / S) + 1."""
    return (size + sum(padding) - dilation * (window - 1) - 1) // stride + 1


def output_sizes(sizes: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Sizes:
    """Return the output size of each spatial axis."""
    return tuple(map(output_size, sizes, window, stride, padding, dilation))


def round_up(sizes: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Padding:
    """Return the padding with as much more at the end as a last window needs that the sizes do not fill.

    As torch's ceil_mode: such a window starts within x or the padding before it, never in the padding at the end.
    """
    filled = []
    for n, extent, s, (begin, end) in zip(sizes, measure_extents(window, dilation), stride, padding, strict=True):
        last = -(-(n + begin + end - extent) // s) * s  # where the last window starts
        last -= s * (last >= n + begin)
        filled.append((begin, max(end, last + extent - n - begin)))
    return tuple(filled)
