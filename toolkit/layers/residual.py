"""Residual: what a body adds to its input."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer, with_batch
from cnnkit.layers.external_layer import require_layers
from cnnkit.layers.parallel import Parallel
from cnnkit.tree import Tree


@dataclass(frozen=True)
class Residual(Parallel):
    """y = body(x) + shortcut(x); without a shortcut y = body(x) + x. He, Zhang, Ren and Sun 2015."""

    body: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        require_layers(self.type, "body and shortcut", tuple(self.named().values()))

    def named(self) -> dict[str, Layer]:
        return {"body": self.body} if self.shortcut is None else {"body": self.body, "shortcut": self.shortcut}

    def output_shape(self, x_shape: Shape) -> Shape:
        shapes = self.shapes(x_shape)
        body, other = shapes["body"], shapes.get("shortcut", x_shape)
        if body != other:
            what = "shortcut" if self.shortcut else "x"
            raise ShapeError(
                self.type,
                f"expected body and {what} of one shape, got {with_batch(body)} and {with_batch(other)}",
                f"give it a shortcut, such as a 1x1 Conv2D, that makes {with_batch(body)}",
            )
        return body

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        outputs, caches = self.forward_all(context, params, state, x)
        return outputs["body"] + outputs.get("shortcut", x), caches

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        dx, grads = self.backward_all(context, params, cache, dict.fromkeys(self.named(), dy))
        return (dx + dy if self.shortcut is None else dx), grads
