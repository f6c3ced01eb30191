"""The base of max and average pooling: each window of a signal, an image or a volume becomes one value."""

import math
from dataclasses import dataclass, field
from itertools import starmap
from typing import ClassVar, NamedTuple

from cnnkit.backends.protocol import Padding, Shape, Sizes
from cnnkit.layers.base import Layer, Reach, window_reach
from cnnkit.layers.fields import ADDED_LATER, require, require_flag, require_padding, require_size
from cnnkit.layers.spatial import (
    LETTERS,
    PaddingField,
    Size,
    describe_x,
    even_sides,
    measure_extents,
    output_sizes,
    per_axis,
    reshape_hint,
    resolve_padding,
    round_up,
)

_MOST_TRIED = 1 << 12  # windows of one axis that start in the padding


class PoolGeometry(NamedTuple):
    """What the backend's pooling takes, with a number for each spatial axis."""

    window: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes


@dataclass(frozen=True)
class Pooling(Layer):
    """Windows, `stride` apart; each number is one for all spatial axes or one for each.

    stride: None is the window, so that windows do not overlap.
    padding: pixels on each side, one number or a (begin, end) for each axis, "valid" (none), or "same"
    (ceil(H / stride) outputs; of an odd padding one more at the end, with "same_lower" at the beginning).
    ceil_mode: a last window that x does not fill counts too, unless it starts in the padding at the end (as torch).
    """

    window: Size
    stride: Size | None = None
    padding: PaddingField = 0
    dilation: Size = field(default=1, kw_only=True, metadata=ADDED_LATER)
    ceil_mode: bool = field(default=False, kw_only=True, metadata=ADDED_LATER)
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        require_size(self.type, "window", self.window, rank=self.rank)
        require_padding(self.type, self.padding, rank=self.rank)
        if self.stride is not None:
            require_size(self.type, "stride", self.stride, rank=self.rank)
        require_size(self.type, "dilation", self.dilation, rank=self.rank)
        require_flag(self.type, "ceil_mode", self.ceil_mode)
        if not isinstance(self.padding, str):
            extents = measure_extents(per_axis(self.window, self.rank), per_axis(self.dilation, self.rank))
            sides = even_sides(self.padding, self.rank)
            inside = all(max(pair) < extent for pair, extent in zip(sides, extents, strict=True))
            dilated = "" if self.dilation == 1 else f" with its dilation (={self.dilation})"
            require(inside, self.type, "padding", f"smaller than window (={self.window}){dilated}", self.padding)

    def reach(self, x_shape: Shape) -> Reach:
        return window_reach(x_shape[1:], *self.geometry(x_shape))

    def geometry(self, x_shape: Shape) -> PoolGeometry:
        """Return the windows over samples x_shape; the padding includes what ceil_mode adds."""
        how, sizes = self.declared_geometry(x_shape), x_shape[1:]
        return how._replace(padding=round_up(sizes, *how)) if self.ceil_mode else how

    def declared_geometry(self, x_shape: Shape) -> PoolGeometry:
        """Return the windows over samples x_shape without what ceil_mode adds."""
        window, dilation = per_axis(self.window, self.rank), per_axis(self.dilation, self.rank)
        stride = window if self.stride is None else per_axis(self.stride, self.rank)
        padding = resolve_padding(self.padding, x_shape[1:], window, stride, dilation)
        return PoolGeometry(window, stride, padding, dilation)

    def output_shape(self, x_shape: Shape) -> Shape:
        expected = describe_x(self.rank)
        if len(x_shape) != 1 + self.rank:
            raise self.refuse(expected, x_shape, reshape_hint(x_shape, self.rank))
        how, sizes = self.geometry(x_shape), x_shape[1:]
        outputs = output_sizes(sizes, *how)
        if min(outputs) < 1:
            extents = measure_extents(how.window, how.dilation)
            needed = " and ".join(f"{a} >= {e}" for a, e in zip(LETTERS[self.rank], extents, strict=True))
            raise self.refuse(f"{expected} with {needed}", x_shape, "use a smaller window or fewer pooling layers")
        if any(starmap(_leaves_window_empty, zip(sizes, *how[1:], outputs, strict=True))):
            needed = f"a pixel in every window, which lie {how.dilation} apart"
            raise self.refuse(f"{expected} with {needed}", x_shape, "use less padding or dilation")
        return (x_shape[0], *outputs)


def _leaves_window_empty(size: int, stride: int, padding: tuple[int, int], dilation: int, outputs: int) -> bool:
    """Return whether a window has padding alone: one that starts before x and whose dilation jumps over x.

    Its first pixel at or after 0 is its start modulo the dilation. Later windows start within x.
    """
    if dilation <= size:
        return False
    starting_before = min(outputs, -(-padding[0] // stride), dilation // math.gcd(dilation, stride))
    tried = min(starting_before, _MOST_TRIED)
    return tried < starting_before or any((p * stride - padding[0]) % dilation >= size for p in range(tried))
