"""Convolution and pooling over one, two and three axes against torch.nn, in every field."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnkit import layers
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers.base import Reach

SIZES = {1: (11,), 2: (7, 8), 3: (5, 6, 4)}


def of_rank(name, rank):
    """Return our class and torch's: Conv, 3 -> Conv3D, torch.nn.Conv3d."""
    return getattr(layers, f"{name}{rank}D"), getattr(torch.nn, f"{name}{rank}d")


def theirs(fields):
    renamed = {"window": "kernel_size", "count_padding": "count_include_pad"}
    return {renamed.get(name, name): value for name, value in fields.items() if name != "features"}


def pad_ends(padding):
    """Return uneven padding as torch.nn.functional.pad takes it: the last axis first."""
    return [side for sides in reversed(padding) for side in sides]


CONVOLUTIONS = {
    1: [
        {"window": 3}, {"window": 4, "stride": 3, "padding": 2}, {"window": (2,), "dilation": (3,), "groups": 2},
        {"window": 2, "stride": 5, "bias": False},
    ],
    2: [{"window": (1, 3), "stride": (3, 2), "padding": (0, 4), "dilation": (1, 2), "groups": 2}],
    3: [
        {"window": 2}, {"window": (1, 2, 3), "stride": (2, 1, 3), "padding": (0, 1, 2)},
        {"window": (3, 2, 1), "dilation": (2, 3, 1), "groups": 4, "padding": 1}, {"window": 1, "bias": False},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rank", "fields"), [(r, f) for r, cases in CONVOLUTIONS.items() for f in cases], ids=str)
def test_convolution(arena, run, torch_pass, agree, parameters, normal, rank, fields) -> None:
    ours, nn = of_rank("Conv", rank)
    layer, shape = ours(4, **fields), (4, *SIZES[rank])
    x, dy, params = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1), parameters(layer, shape)
    agree(arena, run(arena, layer, x, dy, params), torch_pass(nn(4, 4, **theirs(fields)), x, dy, **params))


TRANSPOSED = {
    1: [
        {"window": 3}, {"window": 2, "stride": 5, "output_padding": 4},
        {"window": 4, "stride": 3, "padding": 2, "output_padding": 2, "groups": 2, "dilation": 2, "bias": False},
    ],
    3: [
        {"window": 2, "stride": (1, 2, 3), "output_padding": (0, 1, 2)},
        {"window": (2, 1, 3), "padding": (1, 0, 2), "dilation": (2, 1, 1), "groups": 2},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rank", "fields"), [(r, f) for r, cases in TRANSPOSED.items() for f in cases], ids=str)
def test_transposed_convolution(arena, run, torch_pass, agree, parameters, normal, rank, fields) -> None:
    ours, nn = of_rank("ConvTranspose", rank)
    layer, shape = ours(4, **fields), (4, *SIZES[rank])
    x, dy, params = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1), parameters(layer, shape)
    agree(arena, run(arena, layer, x, dy, params), torch_pass(nn(4, 4, **theirs(fields)), x, dy, **params))


@pytest.mark.parametrize("padding", [((2, 0),), ((0, 3), (1, 2)), ((1, 0), (0, 2), (2, 1))], ids=str)
def test_uneven_padding(arena, run, torch_pass, agree, parameters, normal, padding) -> None:
    """Of a convolution as zeros around x; of a transposed one as a crop of its result."""
    rank = len(padding)
    conv, shape = getattr(functional, f"conv{rank}d"), (2, *SIZES[rank])
    layer = of_rank("Conv", rank)[0](3, 2, stride=2, padding=padding, bias=False)
    weight = parameters(layer, shape)["weight"]
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    oracle = torch_pass(lambda x: conv(functional.pad(x, pad_ends(padding)), torch.tensor(weight), stride=2), x, dy)
    agree(arena, run(arena, layer, x, dy, {"weight": weight})._replace(grads={}), oracle)

    turned = of_rank("ConvTranspose", rank)[0](3, 4, stride=2, padding=padding, bias=False)
    weight = parameters(turned, shape)["weight"]
    dy = normal(2, *turned.output_shape(shape), seed=1)
    transposed = getattr(functional, f"conv_transpose{rank}d")
    crop = (..., *(slice(begin, -end or None) for begin, end in padding))
    oracle = torch_pass(lambda x: transposed(x, torch.tensor(weight), stride=2)[crop], x, dy)
    agree(arena, run(arena, turned, x, dy, {"weight": weight})._replace(grads={}), oracle)


def test_same_lower_puts_the_odd_pixel_at_the_beginning(arena, run) -> None:
    x = [[[1.0, 2, 3, 4]]]
    layer = layers.Conv1D(1, 2, padding="same_lower", bias=False)
    assert run(arena, layer, x, params={"weight": [[[1.0, 10.0]]]}).y.tolist() == [[[10, 21, 32, 43]]]
    assert run(arena, layers.AvgPool1D(3, stride=2, padding="same_lower"), x).y.tolist() == [[[1, 3]]]
    assert run(arena, layers.AvgPool1D(3, stride=2, padding="same_lower", count_padding=False), x).y.tolist() == [
        [[1.5, 3]]
    ]
    assert layers.MaxPool1D(2, padding="same_lower").output_shape((1, 7)) == (1, 4)


POOLS = {
    1: [{"window": 2}, {"window": 3, "stride": 2, "padding": 1}, {"window": 4, "stride": 5}],
    2: [
        {"window": 2, "ceil_mode": True}, {"window": 3, "stride": (2, 3), "padding": 1, "ceil_mode": True},
        {"window": 2, "stride": 5, "padding": 1, "ceil_mode": True},  # the last window would start in the padding
        {"window": (2, 3), "stride": (3, 5), "padding": (1, 0), "ceil_mode": True},
    ],
    3: [
        {"window": 2}, {"window": (1, 2, 3), "stride": (2, 1, 2), "padding": (0, 1, 1)},
        {"window": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    ],
}  # fmt: skip
EACH_POOL = pytest.mark.parametrize(("rank", "fields"), [(r, f) for r, cases in POOLS.items() for f in cases], ids=str)
DILATED = [
    {"window": 3, "dilation": 2}, {"window": 3, "dilation": 2, "padding": 1, "stride": 2, "ceil_mode": True},
    {"window": 2, "dilation": 3, "stride": 1, "padding": 1},
]  # fmt: skip


@EACH_POOL
def test_max_pooling(arena, run, torch_pass, agree, normal, rank, fields) -> None:
    ours, nn = of_rank("MaxPool", rank)
    layer, shape = ours(**fields), (3, *SIZES[rank])
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(nn(**theirs(fields)), x, dy))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("fields", DILATED, ids=str)
def test_max_pooling_with_dilation(arena, run, torch_pass, agree, normal, rank, fields) -> None:
    ours, nn = of_rank("MaxPool", rank)
    layer, shape = ours(**fields), (3, *(size + 2 for size in SIZES[rank]))
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(nn(**theirs(fields)), x, dy))


@EACH_POOL
@pytest.mark.parametrize("count_padding", [True, False])
def test_average_pooling(arena, run, torch_pass, agree, normal, rank, fields, count_padding) -> None:
    ours, nn = of_rank("AvgPool", rank)
    fields = fields | {"count_padding": count_padding}
    layer, shape = ours(**fields), (3, *SIZES[rank])
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(nn(**theirs(fields)), x, dy))


@pytest.mark.parametrize("count_padding", [True, False])
@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 2), (3, 0))], ids=str)
def test_average_pooling_with_dilation_and_uneven_padding(
    arena, run, torch_pass, agree, normal, padding, count_padding
) -> None:
    """The sum over a window is a depthwise convolution with ones, and so is the number of its pixels."""
    layer = layers.AvgPool2D((2, 3), stride=2, padding=padding, dilation=(3, 2), count_padding=count_padding)
    x = normal(2, 3, 7, 8)
    dy, ones = normal(2, *layer.output_shape((3, 7, 8)), seed=1), torch.ones(3, 1, 2, 3, dtype=torch.float64)

    def oracle(x):
        def total(values):
            padded = functional.pad(values, pad_ends(padding))
            return functional.conv2d(padded, ones, stride=2, dilation=(3, 2), groups=3)

        return total(x) / (6 if count_padding else total(torch.ones_like(x)))

    agree(arena, run(arena, layer, x, dy), torch_pass(oracle, x, dy))


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_every_small_ceil_mode_has_torchs_size_and_means(arena, run, size, stride) -> None:
    x = np.arange(1.0, size + 1).reshape(1, 1, size)
    for window in (1, 2, 3, 4):
        for padding in range(window // 2 + 1):
            fields = {"window": window, "stride": stride, "padding": padding, "ceil_mode": True}
            layer = layers.AvgPool1D(**fields)
            try:
                wanted = torch.nn.AvgPool1d(**theirs(fields))(torch.tensor(x))
            except RuntimeError:
                with pytest.raises(ShapeError):
                    layer.output_shape((1, size))
                continue
            assert layer.output_shape((1, size)) == tuple(wanted.shape[1:])
            np.testing.assert_allclose(run(arena, layer, x).y, wanted.numpy(), rtol=1e-6)


def test_ceil_mode_has_a_reach_without_a_remainder() -> None:
    assert layers.MaxPool1D(2, ceil_mode=True).reach((1, 5)) == Reach((2,), (2,), (0,))
    assert layers.MaxPool1D(2).reach((1, 5)) == Reach((2,), (2,), (1,))
    assert layers.Conv3D(1, 3, stride=2, dilation=(1, 2, 1)).reach((1, 6, 7, 8)) == Reach(
        (3, 5, 3), (2, 2, 2), (1, 0, 1)
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_global_pooling(arena, run, torch_pass, agree, normal, rank) -> None:
    shape, axes = (2, 3, *SIZES[rank]), tuple(range(2, 2 + rank))
    x = normal(*shape)
    for keepdims in (True, False):
        dy = normal(2, 3, *(1,) * (rank * keepdims), seed=1)
        average, largest = (of[0](keepdims=keepdims) for of in (of_global("Avg", rank), of_global("Max", rank)))
        agree(arena, run(arena, average, x, dy), torch_pass(lambda x, k=keepdims: x.mean(axes, k), x, dy))
        agree(arena, run(arena, largest, x, dy), torch_pass(lambda x, k=keepdims: x.amax(axes, k), x, dy))


def of_global(kind, rank):
    return (getattr(layers, f"Global{kind}Pool{rank}D"),)


def test_the_first_of_equal_largest_values_gets_the_gradient(arena, run) -> None:
    x = [[[[1.0, 5, 2], [5, 5, 0]]]]
    found = run(arena, layers.GlobalMaxPool2D(), x, dy=[[3.0]])
    assert found.y.tolist() == [[5]]
    assert found.dx.tolist() == [[[[0, 3, 0], [0, 0, 0]]]]
    for size in (1, (1, 1)):
        found = run(arena, layers.AdaptiveMaxPool2D(size), x, dy=[[[[3.0]]]])
        assert found.dx.tolist() == [[[[0, 3, 0], [0, 0, 0]]]]
    found = run(arena, layers.AdaptiveMaxPool2D((1, 2)), [[[[1.0, 7, 7], [7, 7, 0]]]], dy=[[[[3.0, 4.0]]]])
    assert found.dx.tolist() == [[[[0, 3 + 4, 0], [0, 0, 0]]]]


@pytest.mark.parametrize("layer", [layers.GlobalMaxPool2D(keepdims=True), layers.AdaptiveMaxPool2D(1)], ids=str)
def test_the_last_nan_is_the_largest_value(arena, run, torch_pass, layer) -> None:
    x = np.array([[[[1.0, np.nan, 2], [np.nan, 5, 0]]]])
    found = run(arena, layer, x, dy=[[[[3.0]]]])
    oracle = torch_pass(torch.nn.AdaptiveMaxPool2d(1), x, np.full((1, 1, 1, 1), 3.0))
    np.testing.assert_array_equal(found.y, oracle.y)
    np.testing.assert_array_equal(found.dx, oracle.dx)
    assert found.dx.tolist() == [[[[0, 0, 0], [3, 0, 0]]]]


ADAPTIVE = [
    *[(1, size) for size in (1, 2, 3, 5, 7, 11, 13, 22)],
    *[(2, size) for size in (1, 7, (7, 4), (7, 3), (3, 8), (2, 5), (9, 3))],
    *[(3, size) for size in (2, (5, 3, 2), (1, 4, 3))],
]


@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize(("rank", "size"), ADAPTIVE, ids=str)
def test_adaptive_pooling(arena, run, torch_pass, agree, normal, kind, rank, size) -> None:
    ours, nn = of_rank(f"Adaptive{kind}Pool", rank)
    layer, shape = ours(size), (3, *SIZES[rank])
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(nn(size), x, dy))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv1D(2, (3, 3)), "Conv1D: expected window to be a whole number >= 1 or a tuple of one "
            "(length,), got (3, 3)"),
        (lambda: layers.Conv3D(2, 3, stride=(1, 2)), "Conv3D: expected stride to be a whole number >= 1 or a triple "
            "(depth, height, width), got (1, 2)"),
        (lambda: layers.Conv1D(2, 3, padding=(1, 2)), "Conv1D: expected padding to be a whole number >= 0, a tuple of "
            "one (length,), a (begin, end) for each axis, 'valid', 'same', 'same_lower', got (1, 2)"),
        (lambda: layers.MaxPool2D(2, padding=((0, 2), (0, 0))), "MaxPool2D: expected padding to be smaller than window "
            "(=2), got ((0, 2), (0, 0))"),
        (lambda: layers.MaxPool2D(2, padding=3, dilation=2), "MaxPool2D: expected padding to be smaller than window "
            "(=2) with its dilation (=2), got 3"),
        (lambda: layers.AvgPool3D(2, ceil_mode=1), "AvgPool3D: expected ceil_mode to be true or false, got 1"),
        (lambda: layers.GlobalMaxPool1D(keepdims=0), "GlobalMaxPool1D: expected keepdims to be true or false, got 0"),
        (lambda: layers.AdaptiveAvgPool2D((0, 1)), "AdaptiveAvgPool2D: expected size to be a whole number >= 1 or a "
            "pair (height, width), got (0, 1)"),
    ],
)  # fmt: skip
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (layers.Conv1D(2, 3), (1, 8, 8), "Conv1D: expected x of shape (N, C, L), got (N, 1, 8, 8): "
            "put Reshape((channels, length)) before it, with 1*8*8 values in all"),
        (layers.MaxPool3D(2), (1, 1, 3, 3), "MaxPool3D: expected x of shape (N, C, D, H, W) with D >= 2 and H >= 2 and "
            "W >= 2, got (N, 1, 1, 3, 3): use a smaller window or fewer pooling layers"),
        (layers.GlobalMaxPool3D(), (1, 8, 8), "GlobalMaxPool3D: expected x of shape (N, C, D, H, W), got "
            "(N, 1, 8, 8): put Reshape((channels, depth, height, width)) before it, with 1*8*8 values in all"),
        (layers.MaxPool1D(2, stride=1, padding=1, dilation=2), (3, 1), "MaxPool1D: expected x of shape (N, C, L) with "
            "a pixel in every window, which lie (2,) apart, got (N, 3, 1): use less padding or dilation"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(x_shape)
    assert str(caught.value) == message


def test_dilated_windows_that_all_hold_a_pixel_are_taken(arena, run) -> None:
    layer = layers.MaxPool1D(3, stride=1, padding="same", dilation=2)
    assert run(arena, layer, [[[4.0]]]).y.tolist() == [[[4]]]


def test_what_older_files_lack_is_described_only_where_it_is_used() -> None:
    described = layers.to_config(layers.MaxPool2D(2))
    assert described == {"type": "MaxPool2D", "window": 2, "padding": 0}
    assert layers.to_config(layers.MaxPool2D(2, dilation=2, ceil_mode=True)) == described | {
        "dilation": 2, "ceil_mode": True,
    }  # fmt: skip
    assert layers.to_config(layers.GlobalAvgPool2D()) == {"type": "GlobalAvgPool2D"}
