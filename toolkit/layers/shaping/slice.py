"""Slice: some of the values along an axis."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import POINTWISE, Context, Layer, Reach, moved_reach
from cnnkit.layers.fields import require, require_count
from cnnkit.layers.shaping.along_axis import cut, frame, select, select_gradient
from cnnkit.tree import Tree
from cnnkit.values import LARGEST_COUNT


@dataclass(frozen=True)
class Slice(Layer):
    """y = x[start:stop:step] along an axis, as Python slices a list; x (N, ...).

    axis: counted with N as axis 0, which cannot be sliced. start, stop: negative ones count from the end; stop None is
    the end. step: not 0; a negative one goes backwards.
    """

    axis: int
    start: int = 0
    stop: int | None = None
    step: int = 1
    half_precision: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        require_count(self.type, "axis", self.axis)
        for field, value in (("start", self.start), ("stop", self.stop), ("step", self.step)):
            good = (value is None and field == "stop") or _is_whole(value)
            require(good, self.type, field, "a whole number of at most 63 bits", value)
        require(self.step != 0, self.type, "step", "a whole number, not 0", self.step)

    def _places(self, x_shape: Shape) -> range:
        if self.axis > len(x_shape):
            raise self.refuse(f"(N, ...) with an axis {self.axis}", x_shape, "change its axis field")
        length = x_shape[self.axis - 1]
        places = range(*slice(self.start, self.stop, self.step).indices(length))
        if not places:
            asked = f"start {self.start}, stop {self.stop} and step {self.step}"
            raise self.refuse(f"(N, ...) of which {asked} leave something on axis {self.axis}", x_shape)
        return places

    def output_shape(self, x_shape: Shape) -> Shape:
        return (*x_shape[: self.axis - 1], len(self._places(x_shape)), *x_shape[self.axis :])

    def reach(self, x_shape: Shape) -> Reach | None:
        if self.axis == 1 or len(x_shape) < 2:
            return POINTWISE if self.axis == 1 or self.step == 1 else None
        before = tuple(-self._places(x_shape).start if axis == self.axis else 0 for axis in range(2, len(x_shape) + 1))
        if self.step == 1:
            return moved_reach(before)
        if len(x_shape) != 3 or self.step < 0:
            return None
        return Reach((1, 1), (self.step, 1) if self.axis == 2 else (1, self.step), (0, 0), before)

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        places = self._places(tuple(x.shape[1:]))
        if places.step > 0:
            return cut(x, self.axis, places.start, places.stop, places.step), x.shape
        return select(context.backend, x, self.axis, tuple(places)), x.shape

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        places, length = self._places(tuple(cache[1:])), cache[self.axis]
        if places.step == 1:
            return frame(context.backend, dy, self.axis, places.start, length - places.stop), {}
        return select_gradient(context.backend, dy, self.axis, tuple(places), length), {}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_COUNT
