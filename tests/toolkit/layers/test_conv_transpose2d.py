import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import ConvTranspose2D

CASES = [
    {"features": 3, "window": 3},
    {"features": 3, "window": (2, 3), "stride": 2, "bias": False},
    {"features": 3, "window": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"features": 4, "window": (3, 2), "stride": (3, 2), "padding": (1, 0), "output_padding": (2, 0)},
    {"features": 6, "window": 3, "groups": 2, "stride": 2},
    {"features": 4, "window": 3, "groups": 4, "dilation": 2, "padding": 2},
    {"features": 2, "window": (2, 3), "dilation": (3, 2), "stride": 2, "output_padding": 1, "groups": 2},
    {"features": 2, "window": 3, "padding": "valid"},
]


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_against_torch(arena, run, torch_pass, agree, parameters, normal, fields) -> None:
    layer, x = ConvTranspose2D(**fields), normal(2, 4, 4, 5)
    params, dy = parameters(layer, (4, 4, 5)), normal(2, *layer.output_shape((4, 4, 5)), seed=1)
    theirs = {name: value for name, value in fields.items() if name not in ("features", "window")}
    theirs |= {"padding": 0} if layer.padding == "valid" else {}
    module = torch.nn.ConvTranspose2d(4, layer.features, layer.window, **theirs)
    agree(arena, run(arena, layer, x, dy, params), torch_pass(module, x, dy, **params))


def test_by_hand(arena, run) -> None:
    """Each pixel stamps the kernel, two pixels apart."""
    layer = ConvTranspose2D(1, (1, 2), stride=2)
    params = {"weight": [[[[1.0, 10.0]]]], "bias": [0.5]}
    found = run(arena, layer, [[[[2.0, 3.0]]]], dy=[[[[1.0, 2, 3, 4]]]], params=params)
    assert found.y.tolist() == [[[[2.5, 20.5, 3.5, 30.5]]]]
    assert found.dx.tolist() == [[[[21, 43]]]]
    assert found.grads["weight"].tolist() == [[[[2 + 9, 4 + 12]]]]
    assert found.grads["bias"].tolist() == [10]


def test_variables_and_costs() -> None:
    layer = ConvTranspose2D(6, (3, 5), groups=2)
    params, _ = layer.init(np.random.default_rng(0), (4, 9, 9))
    assert params["weight"].shape == (4, 3, 3, 5)
    assert params["bias"].shape == (6,)
    assert layer.multiply_adds((4, 9, 9)) == 4 * 81 * 3 * 15
    assert list(ConvTranspose2D(6, 3, bias=False).init(np.random.default_rng(0), (4, 9, 9)).params) == ["weight"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"padding": "same"},
            "ConvTranspose2D: expected padding to be a whole number >= 0, a pair (height, width), "
            "a (begin, end) for each axis, 'valid', got 'same'",
        ),
        ({"output_padding": 1}, "ConvTranspose2D: expected output_padding to be smaller than stride (=1), got 1"),
        (
            {"output_padding": -1},
            "ConvTranspose2D: expected output_padding to be a whole number >= 0 or a pair (height, width), got -1",
        ),
        ({"groups": 3}, "ConvTranspose2D: expected features to be divisible by groups (=3), got 4"),
        ({"bias": 1}, "ConvTranspose2D: expected bias to be true or false, got 1"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError) as caught:
        ConvTranspose2D(**{"features": 4, "window": 3} | fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (
            ConvTranspose2D(4, 3),
            (12,),
            "ConvTranspose2D: expected x of shape (N, C, H, W), got (N, 12): "
            "put Reshape((channels, height, width)) before it, with 12 values in all",
        ),
        (
            ConvTranspose2D(4, 3, groups=2),
            (3, 8, 8),
            "ConvTranspose2D: expected x of shape (N, C, H, W) with C divisible by groups (=2), got (N, 3, 8, 8)",
        ),
        (
            ConvTranspose2D(4, 3, padding=2),
            (3, 2, 9),
            "ConvTranspose2D: expected x of shape (N, C, H, W) large enough for its padding, got (N, 3, 2, 9): "
            "use less padding",
        ),
    ],
)
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(x_shape)
    assert str(caught.value) == message


def test_arrays_that_do_not_fit(arena, run, parameters) -> None:
    layer = ConvTranspose2D(2, 3)
    with pytest.raises(ShapeError) as caught:
        run(arena, layer, np.zeros((1, 3, 8, 8)), params=parameters(layer, (4, 8, 8)))
    assert str(caught.value) == "ConvTranspose2D: expected x of shape (N, 4, H, W), got (N, 3, 8, 8)"
