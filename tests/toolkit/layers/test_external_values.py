"""Layers from outside cnnkit with several inputs and outputs: gradients, and one line for each breach."""
# ruff: noqa: ARG002, ARG005 (each method has the arguments that it is called with)

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from cnnkit import get_backend, gradient_check
from cnnkit.errors import ContractError
from cnnkit.layers import Add, Dense, Graph, Layer, Node, Variables
from cnnkit.layers.base import Context
from cnnkit.losses import MeanSquaredError
from cnnkit.training.freezing import freeze
from cnnkit.tree import map_leaves

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Swap(Layer):
    """(a, b) -> (scale * b, a); the layers below change one method each."""

    pure: ClassVar[bool] = True
    input_count: ClassVar[int] = 2  # type: ignore[misc]
    output_count: ClassVar[int] = 2  # type: ignore[misc]

    def init(self, rng, x_shape):
        return Variables({"scale": np.full(x_shape[1], 2.0)}, {})

    def output_shape(self, x_shape):
        return x_shape[1], x_shape[0]

    def forward(self, context, params, state, x):
        return (params["scale"] * x[1], x[0]), x[1]

    def backward(self, context, params, cache, dy):
        return (dy[1], params["scale"] * dy[0]), {"scale": context.backend.sum(cache * dy[0], axis=0)}


def swapped(**methods: Any) -> Graph:
    """Return y = sum of both outputs of a Swap, of 3 and 5 values, with other methods."""
    layer = dataclass(frozen=True)(type("Mine", (Swap,), methods))()
    nodes = [Node("swap", layer, ("a", "b")), Node("p", Dense(3), ("swap",)), Node("q", Dense(3), ("swap:1",)),
             Node("sum", Add(), ("p", "q"))]  # fmt: skip
    return Graph(tuple(nodes), ("a", "b"))


def run(network: Graph, samples: int = 4) -> None:
    """Run a forward and a backward pass of a network of two inputs."""
    backend = get_backend("numpy")
    xs = tuple(backend.asarray(RNG.random((samples, n)), "float32") for n in (3, 5))
    params = map_leaves(lambda t: backend.asarray(t, "float32"), network.init(RNG, ((3,), (5,))).params)
    context = Context(backend, training=True)
    y, cache = network.forward(context, params, {}, xs)
    network.backward(context, params, cache, y)


SEVERAL_FAULTS = [
    ({"output_shape": lambda self, x_shape: x_shape[0]},
     "output_shape must return a tuple of 2 shapes, got a tuple of 1"),
    ({"output_shape": lambda self, x_shape: (3, 5)},
     "output_shape must return a tuple of whole numbers without N, got 3"),
    ({"forward": lambda self, context, params, state, x: (x[0], x)},
     "y of forward, as output_shape says, must be a tuple of 2 arrays, got one array of shape (4, 3)"),
    ({"forward": lambda self, context, params, state, x: (x, x)},
     "entry 0 of y of forward, as output_shape says, must have shape (4, 5), got (4, 3)"),
    ({"backward": lambda self, *a: (Swap.backward(self, *a)[0][0], Swap.backward(self, *a)[1])},
     "dx of backward, as x, must be a tuple of 2 arrays, got one array of shape (4, 3)"),
    ({"backward": lambda self, *a: (Swap.backward(self, *a)[0][::-1], Swap.backward(self, *a)[1])},
     "entry 0 of dx of backward, as x, must have shape (4, 3), got (4, 5)"),
]  # fmt: skip


@pytest.mark.parametrize(("methods", "problem"), SEVERAL_FAULTS)
def test_each_of_several_values_is_checked(methods, problem) -> None:
    with pytest.raises(ContractError, match=r"swap \(Mine\)") as caught:
        run(swapped(**methods))
    assert str(caught.value) == f"layer swap (Mine): {problem}"


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference", "cupy-sim"])
def test_several_inputs_and_outputs_have_right_gradients(backend) -> None:
    report = gradient_check(swapped(), MeanSquaredError(), ((3,), (5,)), backend=backend)
    assert report.passed, str(report)


def test_an_output_that_nothing_reads_has_a_gradient_of_zeros() -> None:
    graph = Graph((Node("swap", Swap(), ("a", "b")), Node("p", Dense(3), ("swap:1",))), ("a", "b"))
    report = gradient_check(graph, MeanSquaredError(), ((3,), (5,)))
    assert report.passed, str(report)


def test_a_frozen_layer_has_the_inputs_and_outputs_of_the_layer() -> None:
    freezing = freeze(swapped(), ((3,), (5,)), ["swap"])
    assert freezing is not None
    params, state = freezing.take_apart(*swapped().init(RNG, ((3,), (5,))))
    assert set(params) == {"p", "q"}
    report = gradient_check(freezing.network, MeanSquaredError(), ((3,), (5,)), params=params, state=state)
    assert report.passed, str(report)
