import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import BatchNorm

SHAPES = [(6, 3), (5, 3, 4), (4, 3, 2, 5), (2, 3, 2, 3, 2)]


def module_of(ndim: int, **fields) -> torch.nn.Module:
    kinds = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}
    return kinds[ndim](3, **fields)


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


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("scale", "shift"), [(False, False), (True, False), (False, True)])
def test_without_gamma_or_beta(arena, run, parameters, normal, assert_close, scale, shift, training) -> None:
    """It is the layer whose gamma is 1 and whose beta is 0."""
    layer, x, dy = BatchNorm(scale=scale, shift=shift), normal(4, 3, 2, 5), normal(4, 3, 2, 5, seed=1)
    params, state = parameters(layer, (3, 2, 5)), {"mean": normal(3), "variance": normal(3, seed=2) ** 2 + 0.1}
    assert set(params) == {name for name, kept in (("gamma", scale), ("beta", shift)) if kept}
    found = run(arena, layer, x, dy, params, state, training)
    wanted = run(arena, BatchNorm(), x, dy, {"gamma": np.ones(3), "beta": np.zeros(3)} | params, state, training)
    assert_close(found.y, wanted.y, arena.dtype)
    assert_close(found.dx, wanted.dx, arena.dtype, "gradient")
    assert set(found.grads) == set(params)
    for name, grad in found.grads.items():
        assert_close(grad, wanted.grads[name], arena.dtype, "gradient")
    for name, value in wanted.state.items():
        assert_close(found.state[name], value, arena.dtype)


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
        BatchNorm().output_shape((2, 3, 1, 1, 1))
    assert str(caught.value) == (
        "BatchNorm: expected x of shape (N, C), (N, C, L), (N, C, H, W) or (N, C, D, H, W), got (N, 2, 3, 1, 1, 1)"
    )


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
