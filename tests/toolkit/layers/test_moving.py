"""Transpose, ChannelShuffle, Slice, DepthToSpace, SpaceToDepth, and Flatten from a later axis."""

import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import ChannelShuffle, DepthToSpace, Flatten, Slice, SpaceToDepth, Transpose
from cnnkit.layers.base import Reach

functional = torch.nn.functional


@pytest.mark.parametrize(
    ("layer", "module", "shape"),
    [
        (Flatten(2), torch.nn.Flatten(2), (3, 2, 4)),
        (Flatten(3), torch.nn.Flatten(3), (3, 2, 4)),
        (Transpose((0, 2, 3, 1)), lambda x: x.permute(0, 2, 3, 1), (3, 2, 4)),
        (Transpose((0, 4, 1, 3, 2)), lambda x: x.permute(0, 4, 1, 3, 2), (3, 2, 4, 5)),
        (ChannelShuffle(2), lambda x: functional.channel_shuffle(x, 2), (6, 2, 3)),
        (ChannelShuffle(3), lambda x: functional.channel_shuffle(x, 3), (12, 2, 3)),
        (ChannelShuffle(6), torch.nn.ChannelShuffle(6), (6, 2, 3)),
        (DepthToSpace(2, "CRD"), lambda x: functional.pixel_shuffle(x, 2), (8, 2, 3)),
        (DepthToSpace(3, "CRD"), lambda x: functional.pixel_shuffle(x, 3), (9, 1, 2)),
        (SpaceToDepth(2, "CRD"), lambda x: functional.pixel_unshuffle(x, 2), (3, 4, 6)),
        (Slice(1, 1, 3), lambda x: x[:, 1:3], (4, 3, 2)),
        (Slice(2, -3), lambda x: x[:, :, -3:], (4, 5, 2)),
        (Slice(3, 1, -1, 2), lambda x: x[..., 1:-1:2], (2, 3, 8)),
        (Slice(2, -1, None, -2), lambda x: x.flip(2)[:, :, ::2], (2, 5, 3)),
        (Slice(1, 0, 10**18), lambda x: x, (2, 5)),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_they_are_those_of_torch(arena, run, torch_pass, normal, agree, layer, module, shape) -> None:
    x, dy = normal(2, *shape), normal(2, *layer.output_shape(shape), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(module, x, dy))


def test_depth_to_space_by_hand(arena, run) -> None:
    x = np.arange(8.0).reshape(1, 8, 1, 1)
    assert run(arena, DepthToSpace(2), x).y.tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]
    assert run(arena, DepthToSpace(2, "CRD"), x).y.tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_space_to_depth_is_the_inverse(arena, run, normal, mode) -> None:
    x = normal(2, 3, 4, 6)
    deep = run(arena, SpaceToDepth(2, mode), x).y
    assert deep.shape == (2, 12, 2, 3)
    assert np.array_equal(run(arena, DepthToSpace(2, mode), deep).y, x)


def test_what_an_output_sees() -> None:
    shape = (4, 6, 6)
    assert SpaceToDepth(2).reach(shape) == Reach((2, 2), (2, 2))
    assert Slice(3, 0, None, 3).reach(shape)[:3] == ((1, 1), (1, 3), (0, 0))
    assert Slice(1, 2).reach(shape)[:3] == ChannelShuffle(2).reach(shape)[:3] == ((1, 1), (1, 1), (0, 0))
    assert Slice(2, -1, None, -1).reach(shape) is DepthToSpace(2).reach(shape) is Transpose((0, 1)).reach((4,)) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flatten(0), "Flatten: expected start to be a whole number >= 1, got 0"),
        (
            lambda: Transpose((1, 0)),
            r"expected axes to be an order of all axes that begins with 0, such as \(0, 2, 3, 1\)",
        ),
        (lambda: Transpose((0, 1, 1)), "expected axes to be an order of all axes"),
        (lambda: Transpose((0, 2.0, 1)), "expected axes to be an order of all axes"),
        (lambda: Transpose((0,)), "expected axes to be an order of all axes"),
        (lambda: ChannelShuffle(0), "ChannelShuffle: expected groups to be a whole number >= 1, got 0"),
        (lambda: Slice(0), "Slice: expected axis to be a whole number >= 1, got 0"),
        (lambda: Slice(1, step=0), "expected step to be a whole number, not 0, got 0"),
        (lambda: Slice(1, None), "expected start to be a whole number of at most 63 bits, got None"),
        (lambda: Slice(1, 0, 2**70), "expected stop to be a whole number of at most 63 bits"),
        (lambda: DepthToSpace(2, "RCD"), "DepthToSpace: expected mode to be 'DCR' or 'CRD', got 'RCD'"),
        (lambda: SpaceToDepth(0), "SpaceToDepth: expected block to be a whole number >= 1, got 0"),
    ],
)
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "x_shape", "message"),
    [
        (Flatten(3), (4, 2), r"\(N, ...\) with an axis 3, got \(N, 4, 2\): use a smaller start"),
        (Transpose((0, 2, 1)), (4,), r"\(N, ...\) with 3 axes, got \(N, 4\): change its axes field"),
        (ChannelShuffle(3), (4, 2, 2), r"with C a multiple of groups \(=3\), got \(N, 4, 2, 2\)"),
        (Slice(2), (4,), r"with an axis 2, got \(N, 4\)"),
        (Slice(1, 3, 2), (4,), r"of which start 3, stop 2 and step 1 leave something on axis 1, got \(N, 4\)"),
        (DepthToSpace(2), (6, 2, 2), r"with C a multiple of 4, the square of block \(=2\), got \(N, 6, 2, 2\)"),
        (DepthToSpace(2), (8,), r"expected x of shape \(N, C, H, W\), got \(N, 8\)"),
        (SpaceToDepth(2), (6, 2, 3), r"with H and W multiples of block \(=2\), got \(N, 6, 2, 3\)"),
        (SpaceToDepth(2), (8,), r"expected x of shape \(N, C, H, W\), got \(N, 8\)"),
    ],
)
def test_shapes_that_do_not_fit(layer, x_shape, message) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.output_shape(x_shape)
