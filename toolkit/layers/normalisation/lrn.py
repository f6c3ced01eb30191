"""LRN: local response normalisation, which divides a value by what its neighbours in other channels amount to."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.contracts import dtype_name
from cnnkit.layers.base import Context, Layer
from cnnkit.layers.fields import require, require_count
from cnnkit.tree import Tree
from cnnkit.values import is_number


class LRNCache(NamedTuple):
    """What backward needs."""

    x: Array
    amount: Array  # bias + alpha / size * the sum of squares
    power: Array  # amount ** -beta


@dataclass(frozen=True)
class LRN(Layer):
    """y[c] = x[c] / (bias + alpha / size * sum of x[k] * x[k])^beta, k from c - size // 2 to c + (size - 1) // 2.

    x (N, C, ...); channels beyond the ends count as 0. Krizhevsky, Sutskever and Hinton 2012, who do not divide alpha;
    as in torch.nn.LocalResponseNorm. ONNX puts the longer half of an even window after c, PyTorch before it.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    def __post_init__(self) -> None:
        require_count(self.type, "size", self.size)
        for field in ("alpha", "beta", "bias"):
            require(is_number(getattr(self, field)), self.type, field, "a finite number", getattr(self, field))

    def output_shape(self, x_shape: Shape) -> Shape:
        return x_shape

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        total = _sum_neighbours(context.backend, x * x, self.size // 2, (self.size - 1) // 2)
        amount = total * (self.alpha / self.size) + self.bias
        power = context.backend.power(amount, -self.beta)
        return x * power, LRNCache(x, amount, power)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        x, amount, power = cache
        direct = dy * power
        through = _sum_neighbours(context.backend, direct * x / amount, (self.size - 1) // 2, self.size // 2)
        return direct - x * through * (2 * self.alpha * self.beta / self.size), {}


def _sum_neighbours(backend: Backend, x: Array, before: int, after: int) -> Array:
    """Return, for each channel, the sum of x over `before` channels before it, itself and `after` after it."""
    samples, channels, *rest = x.shape
    before, after = min(before, channels - 1), min(after, channels - 1)
    ends = [backend.zeros((samples, count, *rest), dtype_name(x)) for count in (before, after)]
    framed = backend.concatenate([ends[0], x, ends[1]], axis=1)
    total = framed[:, :channels]
    for start in range(1, before + after + 1):
        total = total + framed[:, start : start + channels]
    return total
