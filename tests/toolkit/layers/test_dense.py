import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Dense, ReLU, Sequential


@pytest.mark.parametrize("bias", [True, False])
def test_against_torch(arena, run, torch_pass, agree, parameters, normal, bias) -> None:
    layer, x, dy = Dense(3, bias=bias), normal(5, 4), normal(5, 3, seed=1)
    params = parameters(layer, (4,))
    agree(arena, run(arena, layer, x, dy, params), torch_pass(torch.nn.Linear(4, 3, bias=bias), x, dy, **params))


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (2, 3, 5, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_along_the_last_axis_against_torch(arena, run, torch_pass, agree, parameters, normal, bias, shape) -> None:
    layer, x, dy = Dense(3, bias=bias, axis=-1), normal(*shape), normal(*shape[:-1], 3, seed=1)
    params = parameters(layer, shape[1:])
    agree(arena, run(arena, layer, x, dy, params), torch_pass(torch.nn.Linear(4, 3, bias=bias), x, dy, **params))


def test_a_relu_after_the_last_axis_is_not_fused_into_it(arena, run, parameters, normal, assert_close) -> None:
    """A fused bias lies along axis 1."""
    layer, x = Dense(3, axis=-1), normal(2, 3, 4)
    params = parameters(layer, (3, 4))
    found = run(arena, Sequential((layer, ReLU())), x, params={"0": params})
    assert_close(found.y, np.maximum(x @ params["weight"].T + params["bias"], 0), arena.dtype)


def test_what_the_last_axis_needs(arena, run) -> None:
    assert Dense(3, axis=-1).output_shape((8, 4, 4)) == (8, 4, 3)
    assert Dense(3, axis=-1).multiply_adds((8, 4, 5)) == 8 * 4 * 5 * 3
    with pytest.raises(ShapeError, match=r"Dense: expected x of shape \(N, \.\.\., 4\), got \(N, 1, 2\)"):
        run(arena, Dense(1, axis=-1), [[[1.0, 2.0]]], params={"weight": np.ones((1, 4)), "bias": np.ones(1)})


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
        ({"features": 1, "axis": 2}, "Dense: expected axis to be 1 or -1, got 2"),
        ({"features": 1, "axis": True}, "Dense: expected axis to be 1 or -1, got True"),
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
