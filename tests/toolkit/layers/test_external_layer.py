"""Layers from outside cnnkit that do not do what a layer must: one line names the layer, the method and the fault."""
# ruff: noqa: ARG001, ARG002, ARG005 (each method has the arguments that it is called with)

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from cnnkit import Model
from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.data.split import Split
from cnnkit.errors import CnnkitError, ConfigError, ContractError
from cnnkit.initializers import Initializer
from cnnkit.layers import Dense, Flatten, Layer, Residual, Sequential, Variables

RNG = np.random.default_rng(0)
DATA = Dataset("made", Split(RNG.random((6, 1, 2, 2)), np.arange(6) % 3), None, ("a", "b", "c"), (1, 2, 2), Scaling())


@dataclass(frozen=True)
class Right(Layer):
    """y = x * scale + mean, which moves; the layers below change one method each."""

    def init(self, rng, x_shape):
        return Variables({"scale": np.ones(x_shape), "shift": np.zeros(x_shape)}, {"mean": np.zeros(x_shape)})

    def output_shape(self, x_shape):
        return x_shape

    def forward(self, context, params, state, x):
        return x * params["scale"] + params["shift"] + state["mean"], x

    def backward(self, context, params, cache, dy):
        grads = {"scale": context.backend.sum(dy * cache, axis=0), "shift": context.backend.sum(dy, axis=0)}
        return dy * params["scale"], grads

    def next_state(self, state, cache):
        return {"mean": state["mean"] * 1}


def changed(**methods: Any) -> Layer:
    """Return a Right with other methods."""
    return dataclass(frozen=True)(type("Mine", (Right,), methods))()


def fit(layer: Any, backend: str = "numpy") -> Model:
    model = Model(Sequential([Flatten(), layer, Dense(3)]), (1, 2, 2), backend=backend)
    model.fit(DATA, epochs=1, batch_size=3)
    return model


def right(self, context, params, cache, dy):
    return Right.backward(self, context, params, cache, dy)


def with_grads(change):
    def backward(self, context, params, cache, dy):
        dx, grads = right(self, context, params, cache, dy)
        return dx, change(grads)

    return {"backward": backward}


MADE = "init made the params {scale, shift} and the state {mean}"
FAULTS = [
    ("a gradient forgotten", with_grads(lambda g: {"scale": g["scale"]}),
     "backward returns no gradient of shift, only of {scale}"),
    ("all gradients forgotten", with_grads(lambda _: {}), "backward returns no gradient of scale, only of {}"),
    ("a gradient of None", with_grads(lambda g: g | {"shift": None}),
     "backward: the gradient of shift must be an array of the backend, got None: is a return missing?"),
    ("a gradient of another shape", with_grads(lambda g: g | {"shift": g["shift"][:2]}),
     "backward: the gradient of shift must have shape (4,), got (2,)"),
    ("an extra gradient", with_grads(lambda g: g | {"gamma": g["shift"]}),
     "backward returns a gradient of gamma, which init did not make: {scale, shift}"),
    ("gradients in a list", with_grads(lambda g: list(g.values())),
     "backward must return a gradient for each of {scale, shift}, got a list of 2"),
    ("a gradient of float64", with_grads(lambda g: g | {"shift": g["shift"].astype("float64")}),
     "backward: the gradient of shift must be float32, got float64: compute with Python's numbers, not NumPy's"),
    ("backward without a tuple", {"backward": lambda self, context, params, cache, dy: dy},
     "backward must return (dx, grads), got one array of shape (3, 4)"),
    ("backward without a return", {"backward": lambda self, context, params, cache, dy: None},
     "backward must return (dx, grads), got None: is a return missing?"),
    ("dx of another shape", {"backward": lambda self, *a: (right(self, *a)[0][:, :2], right(self, *a)[1])},
     "dx of backward, as x, must have shape (3, 4), got (3, 2)"),
    ("forward without a tuple", {"forward": lambda self, context, params, state, x: x},
     "forward must return (y, cache), got one array of shape (3, 4)"),
    ("forward of three", {"forward": lambda self, context, params, state, x: (x, x, x)},
     "forward must return (y, cache), got a tuple of 3"),
    ("forward of a list", {"forward": lambda self, context, params, state, x: ([1.0], x)},
     "y of forward, as output_shape says, must be an array of the backend, got a list of 1"),
    ("forward in float64", {"forward": lambda self, context, params, state, x: (x * np.float64(2), x)},
     "y of forward, as output_shape says, must be float32, got float64: compute with Python's numbers, not NumPy's"),
    ("a batch that shrinks", {"forward": lambda self, context, params, state, x: (x[:1], x)},
     "y of forward, as output_shape says, must have shape (3, 4), got (1, 4)"),
    ("output_shape that lies", {"output_shape": lambda self, x_shape: (7,)},
     "y of forward, as output_shape says, must have shape (3, 7), got (3, 4)"),
    ("output_shape of a list", {"output_shape": lambda self, x_shape: list(x_shape)},
     "output_shape must return a tuple of whole numbers without N, got [4]"),
    ("output_shape of a number", {"output_shape": lambda self, x_shape: x_shape[0]},
     "output_shape must return a tuple of whole numbers without N, got 4"),
    ("output_shape of a half", {"output_shape": lambda self, x_shape: (x_shape[0] / 2,)},
     "output_shape must return a tuple of whole numbers without N, got (2.0,)"),
    ("output_shape that raises", {"output_shape": lambda self, x_shape: (x_shape[2],)},
     "output_shape raised IndexError: tuple index out of range"),
    ("init of lists", {"init": lambda self, rng, x_shape: Variables({"scale": [1.0] * 4}, {})},
     "init: scale in params must be a NumPy array of numbers, got a list of 4"),
    ("init of a list", {"init": lambda self, rng, x_shape: Variables([np.ones(4)], {})},
     "init: params must be a dictionary {name: array}, got a list of 1"),
    ("init of two dictionaries", {"init": lambda self, rng, x_shape: ({"scale": np.ones(4)}, {})},
     "init must return Variables(params, state), got a tuple of 2: from cnnkit.layers import Variables"),
    ("init without a return", {"init": lambda self, rng, x_shape: None},
     "init must return Variables(params, state), got None: is a return missing?: from cnnkit.layers import Variables"),
    ("init of texts", {"init": lambda self, rng, x_shape: Variables({"scale": np.array(["a"])}, {})},
     "init: scale in params must be a NumPy array of numbers, got <U1"),
    ("a name with a dot", {"init": lambda self, rng, x_shape: Variables({"a.b": np.ones(4)}, {})},
     "init: a name in params must be a text without a dot, got 'a.b'"),
    ("init that raises", {"init": lambda self, rng, x_shape: Variables({"scale": np.ones(self.width)}, {})},
     "init raised AttributeError: 'Mine' object has no attribute 'width'"),
    ("a parameter that init forgot", {"init": lambda self, rng, x_shape: Variables({"scale": np.ones(4)}, {})},
     "forward raised KeyError: 'shift': init made the params {scale} and the state {}"),
    ("a state that init forgot", {"init": lambda self, *a: Variables(Right.init(self, *a).params, {})},
     "forward raised KeyError: 'mean': init made the params {scale, shift} and the state {}"),
    ("the state forgotten", {"next_state": lambda self, state, cache: {}},
     "next_state returns no value of mean, only of {}"),
    ("the state as None", {"next_state": lambda self, state, cache: None},
     "next_state must return a value for each of {mean}, got None: is a return missing?"),
    ("a new state", {"next_state": lambda self, state, cache: state | {"count": state["mean"]}},
     "next_state returns a value of count, which init did not make: {mean}"),
    ("a state of another shape", {"next_state": lambda self, state, cache: {"mean": state["mean"][:1]}},
     "next_state: the value of mean must have shape (4,), got (1,)"),
    ("a state that is not there", {"next_state": lambda self, state, cache: {"mean": state["average"]}},
     "next_state raised KeyError: 'average': its state is {mean}"),
    ("shapes that do not fit", {"forward": lambda self, context, params, state, x: (x + np.ones(5), x)},
     "forward raised ValueError: operands could not be broadcast together with shapes (3,4) (5,)"),
    ("a method of NumPy alone", {"forward": lambda self, context, params, state, x: (x.relu(), x)},
     "forward raised AttributeError: 'numpy.ndarray' object has no attribute 'relu'"),
]  # fmt: skip


@pytest.mark.parametrize(("methods", "problem"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_is_one_line(methods, problem) -> None:
    with pytest.raises(ContractError) as caught:
        fit(changed(**methods))
    assert str(caught.value).rstrip() == f"layer 1 (Mine): {problem}"


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference", "cupy-sim"])
def test_a_right_layer_passes_everywhere(backend) -> None:
    weights = fit(Right(), backend).weights
    assert list(weights) == ["1.scale", "1.shift", "2.weight", "2.bias", "1.mean"]


def test_the_path_leads_through_combinators() -> None:
    lying = changed(output_shape=lambda self, x_shape: (9,))
    model = Model(Sequential([Flatten(), Residual(Sequential([Dense(4), lying, Dense(4)]))]), (1, 2, 2))
    with pytest.raises(ContractError, match=r"^layer 1\.body\.1 \(Mine\): y of forward"):
        model.outputs(np.ones((2, 1, 2, 2)))


def test_the_cause_is_kept_for_the_traceback() -> None:
    with pytest.raises(ContractError) as caught:
        fit(changed(forward=lambda self, context, params, state, x: (params["weight"], x)))
    assert isinstance(caught.value.__cause__, KeyError)


def test_cnnkits_own_errors_are_left_as_they_are() -> None:
    def forward(self, context, params, state, x):
        raise self.refuse("(N, 5)", x.shape[1:])

    with pytest.raises(CnnkitError, match=r"layer 1 \(Mine\): expected x of shape \(N, 5\), got \(N, 4\)"):
        fit(changed(forward=forward))


def test_running_out_of_memory_is_no_fault_of_the_layer() -> None:
    def forward(self, context, params, state, x):
        raise MemoryError

    with pytest.raises(CnnkitError, match="does not fit in the memory of cpu"):
        fit(changed(forward=forward))


class Plain(Right):
    """A subclass that adds nothing needs no decorator."""


def make_class(**members: Any) -> Any:
    return type(
        "Mine", (Layer,), {name: vars(Right)[name] for name in ("output_shape", "forward", "backward")} | members
    )


WRITE = ": write @dataclass(frozen=True) above its class"


def own_init(self, width=3):
    self.width = width


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_class(), f"layer Mine is no dataclass{WRITE}"),
        (make_class(__init__=own_init), f"layer Mine is no dataclass{WRITE}"),
        (dataclass(make_class()), f"layer Mine is a dataclass that is not frozen{WRITE}"),
        (
            type("Mine", (Right,), {"__annotations__": {"width": int, "pure": ClassVar[bool]}, "width": 3}),
            f"layer Mine adds the fields width to a dataclass without being one{WRITE}",
        ),
        (
            type("Mine", (Dense,), {"__init__": lambda self: None}),
            "layer Mine: its __init__ sets no features: leave __init__ to the dataclass",
        ),
        (lambda: Right, "Sequential: expected layers to be layers, got the class Right: add ()"),
        (lambda: "ReLU", "Sequential: expected layers to be layers, got 'ReLU' among them"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_where_it_is_put_into_a_network(make, message) -> None:
    for wrap in (lambda layer: Sequential([layer]), lambda layer: Model(layer, (4,))):
        with pytest.raises(ConfigError) as caught:
            wrap(make())
        assert str(caught.value) == message


def test_a_subclass_that_adds_no_fields_needs_no_decorator() -> None:
    assert fit(Plain()).parameters == 8 + 15


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"reach": lambda self, x_shape: 3}, "reach must return a Reach(extent, stride) or None, got int 3"),
        (
            {"reach": lambda self, x_shape: self.width},
            "reach raised AttributeError: 'Mine' object has no attribute 'width'",
        ),
        (
            {"multiply_adds": lambda self, x_shape: "many"},
            "multiply_adds must return a whole number >= 0, got str 'many'",
        ),
        ({"multiply_adds": lambda self, x_shape: -1}, "multiply_adds must return a whole number >= 0, got int -1"),
    ],
)
def test_what_a_summary_asks_for(members, message) -> None:
    with pytest.raises(ContractError) as caught:
        Model(Sequential([changed(**members)]), (4,)).summary()
    assert str(caught.value) == f"Mine: {message}"


def test_axes_are_as_many_as_the_array_has() -> None:
    model = Model(Sequential([changed(axis_names={"scale": ("c", "h")})]), (4,))
    with pytest.raises(ContractError) as caught:
        model.to_weights()
    assert str(caught.value) == ("layer 0 (Mine): axes of scale must be 1 names, one for each of (4,), got ('c', 'h')")


@dataclass(frozen=True)
class Drawn(Initializer):
    """Draws something else than values of the shape."""

    kind: str = "shape"

    def __call__(self, rng, shape, fan_in, fan_out):
        return {"shape": np.zeros(3), "none": None, "text": np.full(shape, "a")}[self.kind]


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("shape", "what __call__ returns must have shape (2, 4), got (3,)"),
        ("none", "what __call__ returns must be an array of the backend, got None: is a return missing?"),
        ("text", "what __call__ returns must be numbers, got <U1"),
        ("other", "__call__ raised KeyError: 'other'"),
    ],
)
def test_what_an_initializer_draws(kind, problem) -> None:
    with pytest.raises(ContractError) as caught:
        Model(Sequential([Dense(2, weight_initializer=Drawn(kind))]), (4,))
    assert str(caught.value) == f"layer 0 (Drawn): {problem}"
