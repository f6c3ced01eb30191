import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Rescale, Scale


def test_rescale_by_hand(arena, run) -> None:
    found = run(arena, Rescale(2, -1), np.array([[0.0, 1.5]]), dy=np.array([[1.0, 3.0]]))
    assert found.y.tolist() == [[-1, 2]]
    assert found.dx.tolist() == [[2, 6]]


@pytest.mark.parametrize("fields", [{"factor": "2"}, {"shift": None}, {"factor": float("inf")}])
def test_numbers_that_cannot_be(fields) -> None:
    with pytest.raises(ConfigError, match="to be a number, got"):
        Rescale(**fields)


class TorchScale(torch.nn.Module):
    def __init__(self, shape, used) -> None:
        super().__init__()
        self.shape, self.used = shape, used
        for name in used:
            setattr(self, name, torch.nn.Parameter(torch.ones(shape)))

    def forward(self, x):
        y = x * self.weight.reshape(self.shape) if "weight" in self.used else x
        return y + self.bias.reshape(self.shape) if "bias" in self.used else y


@pytest.mark.parametrize(
    ("axes", "shape"),
    [((1,), (3, 1, 1)), ((2, 3), (1, 4, 5)), ((), (1, 1, 1)), ((1, 2, 3), (3, 4, 5)), ((1, 3), (3, 1, 5))],
)
@pytest.mark.parametrize("used", [("weight", "bias"), ("weight",), ("bias",)])
def test_scale_is_that_of_torch(arena, run, torch_pass, normal, agree, parameters, axes, shape, used) -> None:
    layer = Scale(axes, "weight" in used, "bias" in used)
    x, dy, params = normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=1), parameters(layer, (3, 4, 5))
    assert layer.variable_shapes((3, 4, 5)).params == {name: value.shape for name, value in params.items()}
    wanted = torch_pass(TorchScale(shape, used), x, dy, **params)
    agree(arena, run(arena, layer, x, dy, params), wanted)


def test_it_begins_as_the_identity() -> None:
    params = Scale((1, 2)).init(np.random.default_rng(0), (2, 3, 4)).params
    assert params["weight"].tolist() == [[1] * 3] * 2
    assert params["bias"].tolist() == [[0] * 3] * 2
    assert Scale(()).init(np.random.default_rng(0), (2,)).params["bias"].shape == (1,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"axes": (0,)}, r"expected axes to be whole numbers >= 1 in rising order, such as \(1,\), got \(0,\)"),
        ({"axes": (2, 1)}, "expected axes to be whole numbers >= 1 in rising order"),
        ({"axes": 1}, "expected axes to be whole numbers >= 1 in rising order"),
        ({"scale": 1}, "expected scale to be true or false, got 1"),
        ({"scale": False, "shift": False}, "expected scale or shift to be true, got False"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Scale(**fields)


def test_shapes_that_do_not_fit(arena, run, parameters) -> None:
    with pytest.raises(ShapeError, match=r"with an axis 3, got \(N, 4\)"):
        Scale((3,)).output_shape((4,))
    with pytest.raises(ShapeError, match=r"that fits a weight of shape \(4,\), got \(N, 5\)"):
        run(arena, Scale(), np.zeros((2, 5)), params=parameters(Scale(), (4,)))
