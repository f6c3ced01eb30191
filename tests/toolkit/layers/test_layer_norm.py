import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import LayerNorm


@pytest.mark.parametrize("x_shape", [(5,), (3, 2, 4)])
@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
def test_against_torch(arena, run, torch_pass, agree, parameters, normal, x_shape, epsilon) -> None:
    layer, x, dy = LayerNorm(epsilon=epsilon), normal(4, *x_shape, scale=3) + 2, normal(4, *x_shape, seed=1)
    params = parameters(layer, x_shape)
    module = torch.nn.LayerNorm(x_shape, eps=epsilon)
    wanted = torch_pass(module, x, dy, weight=params["gamma"], bias=params["beta"])
    agree(arena, run(arena, layer, x, dy, params), wanted, weight="gamma", bias="beta")


def test_by_hand(arena, run, assert_close) -> None:
    params = {"gamma": [4.0, 2.0], "beta": [1.0, 0.0]}
    found = run(arena, LayerNorm(epsilon=3.0), [[1.0, 3.0]], params=params)
    assert_close(found.y, [[-1.0, 1.0]], arena.dtype)


def test_a_sample_does_not_see_the_others(arena, run, normal) -> None:
    layer, x = LayerNorm(), normal(3, 4)
    params = {"gamma": np.ones(4), "beta": np.zeros(4)}
    whole, alone = run(arena, layer, x, params=params), run(arena, layer, x[1:2], params=params)
    assert np.allclose(whole.y[1:2], alone.y, rtol=0, atol=1e-6)
    assert not layer.couples_samples


def test_variables() -> None:
    params, state = LayerNorm().init(np.random.default_rng(0), (2, 3))
    assert params["gamma"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert params["beta"].shape == (2, 3)
    assert state == {}


def test_what_does_not_fit(arena, run) -> None:
    with pytest.raises(ShapeError) as caught:
        run(arena, LayerNorm(), np.zeros((2, 5)), params={"gamma": np.ones(4), "beta": np.zeros(4)})
    assert str(caught.value) == "LayerNorm: expected x of shape (N, 4), got (N, 5)"
    with pytest.raises(ConfigError) as refused:
        LayerNorm(epsilon=-1)
    assert str(refused.value) == "LayerNorm: expected epsilon to be > 0, got -1"
