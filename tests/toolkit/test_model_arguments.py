"""Arguments of networks, models and gradient_check that cannot be: one line each."""

import numpy as np
import pytest

from cnnkit import Model, gradient_check
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.layers import Branches, Conv2D, Dense, ReLU, Sequential


@pytest.mark.parametrize(
    ("shape", "message"),
    [((), "()"), ((0, 2), "(0, 2)"), (3, "3"), ("abc", "'abc'"), ((1, 2.5), "(1, 2.5)"), (None, "None")],
)
def test_shapes_of_a_sample_that_cannot_be(shape, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Model(Sequential([ReLU()]), shape)
    assert str(caught.value) == f"input_shape: expected whole numbers such as [1, 28, 28], got {message}"


@pytest.mark.parametrize("seed", [-1, 1.5, "one", None, True])
def test_seeds_that_cannot_be(seed) -> None:
    with pytest.raises(ConfigError) as caught:
        Model(Sequential([Conv2D(2, 1)]), (1, 2, 2), seed=seed)
    assert str(caught.value) == f"seed: expected a whole number >= 0, got {seed!r}"


@pytest.mark.parametrize("values", [None, 3, "ab", Dense(3)], ids=repr)
def test_what_is_no_list_of_layers(values) -> None:
    for cls, field in ((Sequential, "layers"), (Branches, "branches")):
        with pytest.raises(ConfigError) as caught:
            cls(values)
        got = describe_value(values)
        assert str(caught.value) == (
            f"{cls.__name__}: expected {field} to be a list of layers, got {got}: write [...] around them"
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Model([Dense(3)], (4,)), "network: expected a layer, got a list: write Sequential([...])"),
        (lambda _: Model(Dense(3), (4,), variables={}), "variables: expected Variables(params, state), got dict"),
        (
            lambda model: model.outputs([[1.0], [1.0, 2.0]]),
            "model: expected x as one array, got rows of several lengths",
        ),
        (lambda model: model.outputs(np.ones((2, 4)) * 1j), "model: expected x of real numbers, got complex128"),
        (lambda model: model.predict([[None] * 4]), "model: expected x of real numbers, got object"),
        (lambda model: model.outputs(np.ones((2, 4)), 0), "batch_size: expected a whole number >= 1, got 0"),
        (lambda model: model.outputs(np.ones((2, 4)), 1.5), "batch_size: expected a whole number >= 1, got 1.5"),
        (
            lambda model: Model.from_weights(model.to_weights(), layers=ReLU),
            f"layers: expected a list of classes such as [MyLayer], got {ReLU!r}",
        ),
        (
            lambda model: Model.from_weights(model.to_weights(), layers=[ReLU()]),
            "layers: expected classes of layers that are frozen dataclasses, got ReLU()",
        ),
    ],
)
def test_arguments_that_a_model_cannot_take(call, message) -> None:
    with pytest.raises(ConfigError) as caught:
        call(Model(Dense(3), (4,)))
    assert str(caught.value) == message


def test_a_gradient_check_takes_names_as_well() -> None:
    assert gradient_check(Dense(2), "mean_squared_error", (3,)).passed
    with pytest.raises(ConfigError, match="input_shape: expected whole numbers"):
        gradient_check(Dense(2), "mean_squared_error", 3)
    with pytest.raises(ConfigError, match="gradient_check: expected network to be layers, got the class Dense"):
        gradient_check(Dense, "mean_squared_error", (3,))
