"""LogSoftmax: the logarithms of shares that sum to 1."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array
from cnnkit.layers.activations.softmax import SoftmaxLayer, subtract_largest
from cnnkit.layers.base import Context
from cnnkit.tree import Tree


@dataclass(frozen=True)
class LogSoftmax(SoftmaxLayer):
    """y[k] = x[k] - log(sum over j of exp(x[j])), j along `axes`; finite for any finite x. -infinity stays so."""

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        backend, axes = context.backend, self.resolve(x)
        shifted = subtract_largest(backend, x, axes)
        y = shifted - backend.log(backend.sum(backend.exp(shifted), axis=axes, keepdims=True))
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        backend = context.backend
        return dy - backend.exp(cache) * backend.sum(dy, axis=self.resolve(dy), keepdims=True), {}
