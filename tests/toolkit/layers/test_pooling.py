import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import AvgPool2D, GlobalAvgPool2D, MaxPool2D
from cnnkit.layers.base import Reach

GEOMETRIES = [
    {"window": 2},
    {"window": (3, 2), "stride": (2, 1)},
    {"window": 3, "stride": 2, "padding": 1},
    {"window": (2, 4), "stride": 3, "padding": (0, 2)},
]


@pytest.mark.parametrize("fields", GEOMETRIES, ids=str)
def test_max_pooling_against_torch(arena, run, torch_pass, agree, normal, fields) -> None:
    layer, x = MaxPool2D(**fields), normal(2, 3, 7, 8)
    dy = normal(2, *layer.output_shape((3, 7, 8)), seed=1)
    theirs = {("kernel_size" if name == "window" else name): value for name, value in fields.items()}
    agree(arena, run(arena, layer, x, dy), torch_pass(torch.nn.MaxPool2d(**theirs), x, dy))


@pytest.mark.parametrize("count_padding", [True, False])
@pytest.mark.parametrize("fields", GEOMETRIES, ids=str)
def test_average_pooling_against_torch(arena, run, torch_pass, agree, normal, fields, count_padding) -> None:
    layer, x = AvgPool2D(**fields, count_padding=count_padding), normal(2, 3, 7, 8)
    dy = normal(2, *layer.output_shape((3, 7, 8)), seed=1)
    theirs = {("kernel_size" if name == "window" else name): value for name, value in fields.items()}
    module = torch.nn.AvgPool2d(**theirs, count_include_pad=count_padding)
    agree(arena, run(arena, layer, x, dy), torch_pass(module, x, dy))


def test_max_pooling_by_hand_a_tie_too(arena, run) -> None:
    found = run(arena, MaxPool2D(2), [[[[1.0, 5, 4, 4], [5, 0, 4, 4]]]], dy=[[[[1.0, 2.0]]]])
    assert found.y.tolist() == [[[[5, 4]]]]
    assert found.dx.tolist() == [[[[0, 1, 2, 0], [0, 0, 0, 0]]]]


def test_average_pooling_by_hand(arena, run) -> None:
    found = run(arena, AvgPool2D(2), [[[[1.0, 2, 9], [3, 4, 9]]]], dy=[[[[4.0]]]])
    assert found.y.tolist() == [[[[2.5]]]]
    assert found.dx.tolist() == [[[[1, 1, 0], [1, 1, 0]]]]


def test_global_average_pooling(arena, run, torch_pass, agree, normal) -> None:
    found = run(arena, GlobalAvgPool2D(), [[[[1.0, 3.0]], [[5.0, 5.0]]]], dy=[[2.0, 4.0]])
    assert found.y.tolist() == [[2, 5]]
    assert found.dx.tolist() == [[[[1, 1]], [[2, 2]]]]
    x, dy = normal(2, 3, 4, 5), normal(2, 3, seed=1)
    agree(arena, run(arena, GlobalAvgPool2D(), x, dy), torch_pass(lambda x: x.mean((2, 3)), x, dy))


@pytest.mark.parametrize("cls", [MaxPool2D, AvgPool2D])
@pytest.mark.parametrize(("size", "stride", "outputs"), [(5, None, 3), (5, 1, 5), (6, 2, 3), (1, 2, 1)])
def test_same_gives_ceil_of_size_over_stride(arena, run, normal, cls, size, stride, outputs) -> None:
    layer = cls(2, stride=stride, padding="same")
    assert layer.output_shape((3, size, size)) == (3, outputs, outputs)
    assert run(arena, layer, normal(2, 3, size, size)).y.shape == (2, 3, outputs, outputs)


def test_same_puts_the_odd_pixel_at_the_end(arena, run) -> None:
    x = [[[[-1.0, -2, -3]]]]
    assert run(arena, MaxPool2D((1, 2), padding="same"), x).y.tolist() == [[[[-1, -3]]]]
    assert run(arena, AvgPool2D((1, 2), padding="same"), x).y.tolist() == [[[[-1.5, -1.5]]]]
    assert run(arena, AvgPool2D((1, 2), padding="same", count_padding=False), x).y.tolist() == [[[[-1.5, -3]]]]


def test_reach_tells_the_pixels_that_no_window_sees() -> None:
    assert MaxPool2D(2, stride=3).reach((1, 6, 8)) == Reach((2, 2), (3, 3), (1, 0))
    assert GlobalAvgPool2D().reach((1, 6, 8)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 0}, "expected window to be a whole number >= 1 or a pair (height, width), got 0"),
        ({"window": 2, "stride": 0}, "expected stride to be a whole number >= 1 or a pair (height, width), got 0"),
        ({"window": 2, "padding": 2}, "expected padding to be smaller than window (=2), got 2"),
        ({"window": (2, 3), "padding": (1, 3)}, "expected padding to be smaller than window (=(2, 3)), got (1, 3)"),
    ],
)
@pytest.mark.parametrize("cls", [MaxPool2D, AvgPool2D])
def test_fields_that_cannot_be(cls, fields, message) -> None:
    with pytest.raises(ConfigError) as caught:
        cls(**fields)
    assert str(caught.value) == f"{cls.__name__}: {message}"


def test_count_padding_is_a_flag() -> None:
    with pytest.raises(ConfigError) as caught:
        AvgPool2D(2, count_padding="no")
    assert str(caught.value) == "AvgPool2D: expected count_padding to be true or false, got 'no'"


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (
            MaxPool2D((2, 3)),
            (8, 1, 9),
            "MaxPool2D: expected x of shape (N, C, H, W) with H >= 2 and W >= 3, got (N, 8, 1, 9): "
            "use a smaller window or fewer pooling layers",
        ),
        (
            AvgPool2D(2),
            (64,),
            "AvgPool2D: expected x of shape (N, C, H, W), got (N, 64): "
            "put Reshape((channels, height, width)) before it, with 64 values in all",
        ),
        (
            GlobalAvgPool2D(),
            (64,),
            "GlobalAvgPool2D: expected x of shape (N, C, H, W), got (N, 64): "
            "put Reshape((channels, height, width)) before it, with 64 values in all",
        ),
    ],
)
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(x_shape)
    assert str(caught.value) == message


def test_a_map_of_one_pixel(arena, run) -> None:
    x = np.full((1, 2, 1, 1), 3.0)
    for layer in (MaxPool2D(1), AvgPool2D(1), MaxPool2D(3, stride=1, padding=1)):
        found = run(arena, layer, x)
        assert found.y.tolist() == x.tolist()
        assert found.dx.tolist() == [[[[1]], [[1]]]]
