"""Which type each layer computes in, and that values and gradients change type between layers and nowhere else."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from cnnkit import Model
from cnnkit.layers import (
    Add,
    BatchNorm,
    Branches,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Graph,
    Layer,
    MaxPool2D,
    Node,
    ReLU,
    Residual,
    Sequential,
    Softmax,
)
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.precision import EPSILON, HALF
from cnnkit.tree import flatten

SEEN: list[tuple[str, str]] = []


@dataclass(frozen=True)
class Spy(Elementwise):
    """A layer from elsewhere: y = x; it notes the types that it gets."""

    name: str = field(default="")

    def forward(self, context: Context, params: Any, state: Any, x: Any) -> tuple[Any, Any]:  # noqa: ARG002
        SEEN.append((self.name, str(x.dtype).rpartition(".")[2]))
        return x * 1, None

    def backward(self, context: Context, params: Any, cache: Any, dy: Any) -> tuple[Any, Any]:  # noqa: ARG002
        SEEN.append((f"d{self.name}", str(dy.dtype).rpartition(".")[2]))
        return dy * 1, {}


@dataclass(frozen=True)
class HalfSpy(Spy):
    """The same, that says that it may compute in half precision."""

    half_precision = True


def passes(model: Model, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return y, dx and the gradients of a training pass, on the host."""
    backend, host = model.backend, model.backend.to_numpy
    context = Context(backend, True, (1, 2), 3, half=model.half)
    y, cache = model.network.forward(context, model.params, model.state, backend.asarray(x, "float32"))
    dx, grads = model.network.backward(context, model.params, cache, backend.asarray(dy, "float32"))
    return host(y), host(dx), {name: host(g) for name, g in flatten(grads).items()}


@pytest.mark.parametrize("backend", ["torch", "cupy-sim"])
@pytest.mark.parametrize("dtype", HALF)
def test_a_layer_computes_in_the_type_that_it_says(backend, dtype) -> None:
    SEEN.clear()
    inner = Sequential((Spy("d"), Dense(4), HalfSpy("e")))
    net = Sequential((Spy("a"), Dense(4), HalfSpy("b"), Spy("c"), Residual(inner), Softmax()))
    model = Model(net, (4,), backend=backend, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
    y, dx, grads = passes(model, x, x)
    wanted = {"a": "float32", "b": dtype, "c": "float32", "d": "float32", "e": dtype}
    assert {name: kind for name, kind in SEEN if not name.startswith("d") or name == "d"} == wanted
    assert {name[1:]: kind for name, kind in SEEN if name.startswith("d") and name != "d"} == wanted
    assert y.dtype == dx.dtype == np.float32
    assert {g.dtype for g in grads.values()} == {np.dtype("float32")}


def test_a_class_from_elsewhere_says_itself_that_it_may() -> None:
    @dataclass(frozen=True)
    class MyDense(Dense):
        """A Dense of somebody's own."""

    assert Dense.half_precision is True
    assert MyDense.half_precision is False
    assert Layer.half_precision is False


@pytest.mark.parametrize("dtype", HALF)
def test_a_chain_is_that_of_torch_autocast(dtype) -> None:
    net = Sequential((Conv2D(6, 3, padding=1), ReLU(), MaxPool2D(2), Flatten(), Dense(5), ReLU(), Dense(3)))
    model = Model(net, (2, 8, 8), backend="torch", dtype=dtype)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(96, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3),
    )  # fmt: skip
    theirs.load_state_dict({name: torch.from_numpy(v) for name, v in model.weights.items()})
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(4, 2, 8, 8)).astype("f4"), rng.normal(size=(4, 3)).astype("f4")
    y, _, grads = passes(model, x, dy)
    with torch.autocast("cpu", getattr(torch, dtype)):
        outputs = theirs(torch.from_numpy(x))
    outputs.float().backward(torch.from_numpy(dy))
    # The bias is added after the product is rounded here, before it there: two roundings against one
    assert np.abs(y - outputs.detach().float().numpy()).max() <= 2 * EPSILON[dtype] * np.abs(y).max()
    for name, parameter in theirs.named_parameters():
        wanted = parameter.grad.numpy()
        assert np.linalg.norm(grads[name] - wanted) <= 8 * EPSILON[dtype] * np.linalg.norm(wanted), name


@pytest.mark.parametrize("backend", ["torch", "cupy-sim"])
def test_several_readers_branches_and_shared_weights(backend) -> None:
    """A Graph against the same in float32, within the rounding of bfloat16."""
    nodes = (
        Node("a", Conv2D(4, 3, padding=1), ("input",)),
        Node("b", Branches((Conv2D(2, 1), Sequential((Conv2D(2, 1, bias=False), BatchNorm())))), ("a",)),
        Node("c", Add(), ("a", "b")),
        Node("d", Dropout(0.25), ("c",)),
        Node("e", None, ("d",), shares="again"),
        Node("again", Conv2D(4, 3, padding=1), ("c",)),
        Node("f", Add(), ("e", "again")),
        Node("g", Flatten(), ("f",)),
        Node("h", Dense(3), ("g",)),
    )
    net = Graph(nodes)
    x = np.random.default_rng(1).normal(size=(5, 2, 6, 6)).astype("f4")
    dy = np.random.default_rng(2).normal(size=(5, 3)).astype("f4")
    exact = passes(Model(net, (2, 6, 6), backend="torch"), x, dy)
    half = passes(Model(net, (2, 6, 6), backend=backend, dtype="bfloat16"), x, dy)
    for found, wanted in [*zip(half[:2], exact[:2], strict=True), *((half[2][n], exact[2][n]) for n in exact[2])]:
        assert np.linalg.norm(found - wanted) <= 8 * EPSILON["bfloat16"] * np.linalg.norm(wanted) + 1e-6
