import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import BatchNorm

SHAPES = [(6, 3), (4, 3, 2, 5)]


def module_of(ndim: int, **fields) -> torch.nn.Module:
    return (torch.nn.BatchNorm1d if ndim == 2 else torch.nn.BatchNorm2d)(3, **fields)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("epsilon", "momentum"), [(1e-5, 0.1), (1e-3, 0.5)])
def test_training_and_running_statistics_over_steps_against_torch(
    arena, run, torch_pass, agree, assert_close, parameters, normal, shape, epsilon, momentum
) -> None:
    layer = BatchNorm(epsilon=epsilon, momentum=momentum)
    params, state = parameters(layer, shape[1:]), layer.init(np.random.default_rng(0), shape[1:]).state
    for seed in range(3):
        module = module_of(len(shape), eps=epsilon, momentum=momentum)
        module.double()
        module.running_mean, module.running_var = torch.tensor(state["mean"]), torch.tensor(state["variance"])
        x, dy = normal(*shape, seed=seed, scale=2) + 1.5, normal(*shape, seed=seed + 9)
        wanted = torch_pass(module, x, dy, weight=params["gamma"], bias=params["beta"])
        found = run(arena, layer, x, dy, params, state)
        agree(arena, found, wanted, weight="gamma", bias="beta")
        assert_close(found.state["mean"], module.running_mean.numpy(), arena.dtype)
        assert_close(found.state["variance"], module.running_var.numpy(), arena.dtype)
        state = {"mean": module.running_mean.numpy().copy(), "variance": module.running_var.numpy().copy()}


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluation_against_torch(arena, run, torch_pass, agree, parameters, normal, shape) -> None:
    layer, x, dy = BatchNorm(), normal(*shape), normal(*shape, seed=1)
    params, state = parameters(layer, shape[1:]), {"mean": normal(3, seed=2), "variance": normal(3, seed=3) ** 2 + 0.1}
    module = module_of(len(shape)).double().eval()
    module.running_mean, module.running_var = torch.tensor(state["mean"]), torch.tensor(state["variance"])
    wanted = torch_pass(module, x, dy, weight=params["gamma"], bias=params["beta"])
    agree(arena, run(arena, layer, x, dy, params, state, training=False), wanted, weight="gamma", bias="beta")


def test_by_hand(arena, run, assert_close) -> None:
    """1 and 3 have mean 2, biased variance 1, unbiased variance 2."""
    state = {"mean": [10.0], "variance": [10.0]}
    found = run(arena, BatchNorm(epsilon=3.0), [[1.0], [3.0]], params={"gamma": [4.0], "beta": [1.0]}, state=state)
    assert_close(found.y, [[-1.0], [3.0]], arena.dtype)
    assert_close(found.state["mean"], [0.9 * 10 + 0.1 * 2], arena.dtype)
    assert_close(found.state["variance"], [0.9 * 10 + 0.1 * 2], arena.dtype)


def test_variables() -> None:
    params, state = BatchNorm().init(np.random.default_rng(0), (2, 5, 5))
    assert {name: value.tolist() for name, value in params.items()} == {"gamma": [1, 1], "beta": [0, 0]}
    assert {name: value.tolist() for name, value in state.items()} == {"mean": [0, 0], "variance": [1, 1]}
    assert BatchNorm().couples_samples


@pytest.mark.parametrize("value", [0.0, 1e4])
def test_a_constant_channel_is_brought_to_beta(arena, run, assert_close, value) -> None:
    params, state = {"gamma": [2.0], "beta": [0.5]}, {"mean": [0.0], "variance": [1.0]}
    found = run(arena, BatchNorm(), np.full((3, 1), value), params=params, state=state)
    assert_close(found.y, [[0.5]] * 3, arena.dtype)
    assert_close(found.dx, [[0.0]] * 3, arena.dtype)


def test_one_value_has_no_variance(arena, run) -> None:
    params, state = {"gamma": [2.0], "beta": [0.5]}, {"mean": [0.0], "variance": [1.0]}
    with pytest.raises(ShapeError) as caught:
        run(arena, BatchNorm(), [[1.0]], params=params, state=state)
    assert str(caught.value) == (
        "BatchNorm: expected at least 2 values per channel while training, got 1: "
        "use a batch size that leaves no batch of 1"
    )
    assert run(arena, BatchNorm(), [[1.0]], params=params, state=state, training=False).y.shape == (1, 1)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError) as caught:
        BatchNorm().output_shape((2, 3))
    assert str(caught.value) == "BatchNorm: expected x of shape (N, C, H, W) or (N, C), got (N, 2, 3)"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epsilon": 0}, "BatchNorm: expected epsilon to be > 0, got 0"),
        ({"epsilon": float("nan")}, "BatchNorm: expected epsilon to be > 0, got nan"),
        ({"momentum": 1.5}, "BatchNorm: expected momentum to be in [0, 1], got 1.5"),
        ({"momentum": "0.1"}, "BatchNorm: expected momentum to be in [0, 1], got '0.1'"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError) as caught:
        BatchNorm(**fields)
    assert str(caught.value) == message
