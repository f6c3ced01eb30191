import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Conv2D
from cnnkit.layers.base import Reach

SIZE = "a whole number >= 1 or a pair (height, width)"
PADDING = "a whole number >= 0, a pair (height, width), a (begin, end) for each axis, 'valid', 'same', 'same_lower'"

CASES = [
    {"features": 4, "window": 3},
    {"features": 4, "window": (3, 2), "stride": (2, 1), "padding": (1, 0)},
    {"features": 4, "window": 1, "bias": False},
    {"features": 6, "window": 3, "groups": 2, "padding": 2},
    {"features": 4, "window": 3, "groups": 4, "padding": 1},  # depthwise
    {"features": 8, "window": 3, "groups": 4, "stride": 2},  # depthwise, two kernels a channel
    {"features": 3, "window": (2, 3), "dilation": (3, 2), "padding": (2, 1)},
    {"features": 2, "window": (4, 3), "padding": "same"},
    {"features": 2, "window": (2, 3), "dilation": 2, "padding": "same"},
    {"features": 2, "window": 3, "padding": "valid"},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # PyTorch copies x then; once a process
@pytest.mark.parametrize("fields", CASES, ids=str)
def test_against_torch(arena, run, torch_pass, agree, parameters, normal, fields) -> None:
    layer, x = Conv2D(**fields), normal(2, 4, 8, 7)
    params, dy = parameters(layer, (4, 8, 7)), normal(2, *layer.output_shape((4, 8, 7)), seed=1)
    theirs = {name: value for name, value in fields.items() if name not in ("features", "window")}
    module = torch.nn.Conv2d(4, layer.features, layer.window, **theirs)
    agree(arena, run(arena, layer, x, dy, params), torch_pass(module, x, dy, **params))


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("window", "dilation"), [(1, 1), (2, 1), (3, 1), (5, 1), (3, 2)])
def test_same_is_onnx_same_upper(size, stride, window, dilation) -> None:
    """ONNX: out = ceil(in/stride), pad = (out-1)*stride + extent - in, the odd pixel at the end."""
    layer = Conv2D(1, (window, 1), stride=(stride, 1), padding="same", dilation=(dilation, 1), bias=False)
    out = -(-size // stride)
    assert layer.output_shape((1, size, 1)) == (1, out, 1)
    pad = max((out - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    (top, bottom), sides = layer.geometry((1, size, 1))[1]
    assert (top, bottom, sides) == (pad // 2, pad - pad // 2, (0, 0))


def test_same_by_hand(arena, run) -> None:
    """Five pixels, window 2: the one pixel of padding stands at the end."""
    layer = Conv2D(1, (1, 2), padding="same", bias=False)
    found = run(arena, layer, [[[[1.0, 2, 3, 4, 5]]]], params={"weight": [[[[1.0, 10.0]]]]})
    assert found.y.tolist() == [[[[21, 32, 43, 54, 5]]]]


def test_by_hand(arena, run) -> None:
    layer = Conv2D(1, 2)
    x, weight = [[[[1.0, 2], [3, 4]]]], [[[[1.0, 0], [0, -1]]]]
    found = run(arena, layer, x, dy=[[[[2.0]]]], params={"weight": weight, "bias": [10.0]})
    assert found.y.tolist() == [[[[7]]]]
    assert found.dx.tolist() == [[[[2, 0], [0, -2]]]]
    assert found.grads["weight"].tolist() == [[[[2, 4], [6, 8]]]]
    assert found.grads["bias"].tolist() == [2]


def test_variables() -> None:
    layer = Conv2D(6, (3, 5), groups=2, bias_initializer="constant:value=2")
    params, state = layer.init(np.random.default_rng(0), (4, 9, 9))
    assert params["weight"].shape == (6, 2, 3, 5)
    assert params["bias"].tolist() == [2] * 6
    assert state == {}
    assert np.abs(params["weight"]).max() <= np.sqrt(6 / (2 * 3 * 5))  # He: fan_in counts the group's channels
    assert list(Conv2D(6, 3, bias=False).init(np.random.default_rng(0), (4, 9, 9)).params) == ["weight"]


def test_costs_and_reach() -> None:
    layer = Conv2D(6, 3, stride=2, groups=2, dilation=2)
    assert layer.output_shape((4, 9, 10)) == (6, 3, 3)
    assert layer.multiply_adds((4, 9, 10)) == 6 * 3 * 3 * 2 * 9
    assert layer.reach((4, 9, 10)) == Reach((5, 5), (2, 2), (0, 1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"features": 0}, "Conv2D: expected features to be a whole number >= 1, got 0"),
        ({"features": True}, "Conv2D: expected features to be a whole number >= 1, got True"),
        ({"features": 2.0}, "Conv2D: expected features to be a whole number >= 1, got 2.0"),
        ({"window": 0}, f"Conv2D: expected window to be {SIZE}, got 0"),
        ({"window": (3,)}, f"Conv2D: expected window to be {SIZE}, got (3,)"),
        ({"stride": "2"}, f"Conv2D: expected stride to be {SIZE}, got '2'"),
        ({"dilation": (1, 0)}, f"Conv2D: expected dilation to be {SIZE}, got (1, 0)"),
        ({"padding": -1}, f"Conv2D: expected padding to be {PADDING}, got -1"),
        ({"padding": "full"}, f"Conv2D: expected padding to be {PADDING}, got 'full'"),
        ({"groups": 3}, "Conv2D: expected features to be divisible by groups (=3), got 4"),
        ({"bias": "false"}, "Conv2D: expected bias to be true or false, got 'false'"),
        ({"weight_initializer": 3}, "Conv2D: expected an initializer to be a text like 'he_uniform', got 3"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Conv2D(**{"features": 4, "window": 3} | fields)
    assert str(caught.value) == message


def test_an_unknown_initializer() -> None:
    with pytest.raises(
        ConfigError, match=r"^initializer: expected one of .*, got 'nice': for a class of your own call "
    ):
        Conv2D(4, 3, weight_initializer="nice")


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (
            Conv2D(4, 3),
            (784,),
            "Conv2D: expected x of shape (N, C, H, W), got (N, 784): "
            "put Reshape((channels, height, width)) before it, with 784 values in all",
        ),
        (
            Conv2D(4, 3, groups=2),
            (3, 8, 8),
            "Conv2D: expected x of shape (N, C, H, W) with C divisible by groups (=2), got (N, 3, 8, 8)",
        ),
        (
            Conv2D(4, (3, 5), dilation=2),
            (3, 8, 8),
            "Conv2D: expected x of shape (N, C, H, W) with H, W >= [5, 9] less padding, got (N, 3, 8, 8): "
            "use a smaller window or padding='same'",
        ),
    ],
)
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(x_shape)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("x_shape", "message"),
    [
        ((1, 3, 8, 8), "Conv2D: expected x of shape (N, 4, H, W), got (N, 3, 8, 8)"),
        (
            (1, 256),
            "Conv2D: expected x of shape (N, 4, H, W), got (N, 256): "
            "put Reshape((channels, height, width)) before it, with 256 values in all",
        ),
    ],
)
def test_arrays_that_do_not_fit(arena, run, parameters, x_shape, message) -> None:
    layer = Conv2D(2, 3)
    with pytest.raises(ShapeError) as caught:
        run(arena, layer, np.zeros(x_shape), params=parameters(layer, (4, 8, 8)))
    assert str(caught.value) == message
