import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Dense


@pytest.mark.parametrize("bias", [True, False])
def test_against_torch(arena, run, torch_pass, agree, parameters, normal, bias) -> None:
    layer, x, dy = Dense(3, bias=bias), normal(5, 4), normal(5, 3, seed=1)
    params = parameters(layer, (4,))
    agree(arena, run(arena, layer, x, dy, params), torch_pass(torch.nn.Linear(4, 3, bias=bias), x, dy, **params))


def test_by_hand(arena, run) -> None:
    params = {"weight": [[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]], "bias": [0.5, 0.0, -1.0]}
    found = run(arena, Dense(3), [[10.0, 1.0]], dy=[[1.0, 2.0, 3.0]], params=params)
    assert found.y.tolist() == [[12.5, -1, 29]]
    assert found.dx.tolist() == [[10, 0]]
    assert found.grads["weight"].tolist() == [[10, 1], [20, 2], [30, 3]]
    assert found.grads["bias"].tolist() == [1, 2, 3]


def test_variables_and_costs() -> None:
    params, state = Dense(3).init(np.random.default_rng(0), (4,))
    assert params["weight"].shape == (3, 4)
    assert np.abs(params["weight"]).max() <= np.sqrt(6 / 7)
    assert params["bias"].tolist() == [0, 0, 0]
    assert state == {}
    assert Dense(3).multiply_adds((4,)) == 12


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"features": -1}, "Dense: expected features to be a whole number >= 1, got -1"),
        ({"features": 1, "bias": None}, "Dense: expected bias to be true or false, got None"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Dense(**fields)
    assert str(caught.value) == message


def test_shapes_that_do_not_fit(arena, run, parameters) -> None:
    with pytest.raises(ShapeError) as caught:
        Dense(3).output_shape((8, 4, 4))
    assert str(caught.value) == "Dense: expected x of shape (N, I), got (N, 8, 4, 4): put a Flatten before it"
    params = parameters(Dense(3), (4,))
    with pytest.raises(ShapeError) as caught:
        run(arena, Dense(3), np.zeros((2, 5)), params=params)
    assert str(caught.value) == "Dense: expected x of shape (N, 4), got (N, 5)"
    with pytest.raises(ShapeError) as caught:
        run(arena, Dense(3), np.zeros((2, 4, 1, 1)), params=params)
    assert str(caught.value) == "Dense: expected x of shape (N, 4), got (N, 4, 1, 1): put a Flatten before it"
