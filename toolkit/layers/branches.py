"""Branches: several layers see the same x; their outputs are joined."""

from dataclasses import dataclass
from typing import Any, Literal

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer, with_batch
from cnnkit.layers.external_layer import gather_layers
from cnnkit.layers.fields import require
from cnnkit.layers.parallel import Parallel
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Branches(Parallel):
    """y = the branches' outputs, concatenated along the channels (axis 1) or added; branch k is named "k"."""

    branches: tuple[Layer, ...]
    join: Literal["concatenate", "add"] = "concatenate"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branches", gather_layers(self.type, "branches", self.branches))
        require(len(self.branches) > 0, self.type, "branches", "at least one layer", self.branches)
        require(self.join in ("concatenate", "add"), self.type, "join", '"concatenate" or "add"', self.join)

    def named(self) -> dict[str, Layer]:
        return {str(i): layer for i, layer in enumerate(self.branches)}

    def output_shape(self, x_shape: Shape) -> Shape:
        shapes = list(self.shapes(x_shape).values())
        compared = shapes if self.join == "add" else [shape[1:] for shape in shapes]
        if any(shape != compared[0] for shape in compared):
            what = "one shape" if self.join == "add" else "one height and width"
            raise ShapeError(
                self.type,
                f"expected branches of {what}, got {', '.join(map(with_batch, shapes))}",
                "give the branches the same stride, and padding='same'",
            )
        return shapes[0] if self.join == "add" else (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        outputs, caches = self.forward_all(context, params, state, x)
        parts = list(outputs.values())
        if self.join == "concatenate":
            widths = [part.shape[1] for part in parts]
            return context.backend.concatenate(parts, axis=1), (caches, widths)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total, (caches, None)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        caches, widths = cache
        if widths is None:
            return self.backward_all(context, params, caches, dict.fromkeys(self.named(), dy))
        dys, start = {}, 0
        for name, width in zip(self.named(), widths, strict=True):
            dys[name] = dy[:, start : start + width]
            start += width
        return self.backward_all(context, params, caches, dys)

    def next_state(self, state: Tree, cache: Any) -> Tree:
        return super().next_state(state, cache[0])
