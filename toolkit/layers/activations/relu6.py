"""ReLU6: values are held between 0 and 6."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.clipping import clip_values
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class ReLU6(Elementwise):
    """y = min(max(x, 0), 6); the gradient is 0 at 0 and at 6. Krizhevsky 2010."""

    half_precision: ClassVar[bool | None] = True

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = clip_values(context.backend, x, 0.0, 6.0)
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        return dy * ((cache > 0) * (cache < 6)), {}
