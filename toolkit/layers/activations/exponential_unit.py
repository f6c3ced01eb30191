"""The base of ELU, SELU and CELU: a line above zero, an exponential below."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnkit.backends.protocol import Array, Backend
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


class ExponentialConstants(NamedTuple):
    """y = slope * x above 0, depth * (exp(rate * x) - 1) up to it."""

    slope: float
    depth: float
    rate: float


@dataclass(frozen=True)
class ExponentialUnit(Elementwise):
    """Base of layers y = slope * x where x > 0, else depth * (exp(rate * x) - 1); at 0 the gradient is the lower one.

    exp(z) - 1 is computed as 2 t / (1 - t) with t = tanh(z / 2), which is as accurate near 0 as elsewhere.
    """

    @property
    @abstractmethod
    def constants(self) -> ExponentialConstants:
        """The constants of the formula."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, (slope, depth, rate) = context.backend, self.constants
        half = backend.tanh(_keep_negative(backend, x) * (rate / 2))
        return backend.where(x > 0, x * slope, half / (1 - half) * (2 * depth)), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend, (slope, depth, rate) = context.backend, self.constants
        below = backend.exp(_keep_negative(backend, cache) * rate) * (depth * rate)
        return dy * backend.where(cache > 0, slope, below), {}


def _keep_negative(backend: Backend, x: Array) -> Array:
    """Return min(x, 0); NaN stays NaN."""
    return backend.where(x > 0, 0.0, x)
