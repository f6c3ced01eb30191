"""Normalisation within a sample against torch.nn and by hand."""

import math

import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import LRN, GroupNorm, InstanceNorm, LayerNorm, RMSNorm

nn = torch.nn
SHAPES = [(2, 6, 5), (2, 6, 3, 4), (2, 6, 2, 3, 2)]
NAMES = {"weight": "gamma", "bias": "beta"}


@pytest.mark.parametrize("shape", [(3, 6), *SHAPES])
@pytest.mark.parametrize(("groups", "epsilon"), [(1, 1e-5), (3, 0.1), (6, 1e-5)])
def test_group_norm_against_torch(arena, run, torch_pass, agree, parameters, normal, shape, groups, epsilon) -> None:
    layer, x, dy = GroupNorm(groups, epsilon), normal(*shape, scale=3) + 2, normal(*shape, seed=1)
    if len(shape) == 2 and groups == 6:
        epsilon, layer = 0.1, GroupNorm(groups, 0.1)  # one value in a group: all of it is rounding
    params = parameters(layer, shape[1:])
    module = nn.GroupNorm(groups, 6, eps=epsilon)
    wanted = torch_pass(module, x, dy, weight=params["gamma"], bias=params["beta"])
    agree(arena, run(arena, layer, x, dy, params), wanted, **NAMES)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_against_torch(arena, run, torch_pass, agree, parameters, normal, shape, affine) -> None:
    kind = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}[len(shape)]
    layer, x, dy = InstanceNorm(scale=affine, shift=affine), normal(*shape, scale=3) + 2, normal(*shape, seed=1)
    params = parameters(layer, shape[1:])
    named = {"weight": params["gamma"], "bias": params["beta"]} if affine else {}
    wanted = torch_pass(kind(6, affine=affine), x, dy, **named)
    agree(arena, run(arena, layer, x, dy, params), wanted, **NAMES)
    agree(arena, run(arena, layer, x, dy, params, training=False), wanted, **NAMES)


@pytest.mark.parametrize("count", [1, 2])
def test_layer_norm_over_the_last_axes_against_torch(arena, run, torch_pass, agree, parameters, normal, count) -> None:
    shape, axes = (2, 3, 4, 5), (-1, -2)[:count]
    layer, x, dy = LayerNorm(0.1, axes), normal(*shape), normal(*shape, seed=1)
    params = parameters(layer, shape[1:])
    wanted = torch_pass(nn.LayerNorm(shape[-count:], 0.1), x, dy, weight=params["gamma"], bias=params["beta"])
    agree(arena, run(arena, layer, x, dy, params), wanted, **NAMES)


def test_layer_norm_of_channels_against_torch(arena, run, torch_pass, agree, parameters, normal) -> None:
    """As in ConvNeXt: the channels of each pixel, which torch.nn normalises when they are last."""
    layer, x, dy = LayerNorm(axes=(1,)), normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=1)
    params, module = parameters(layer, (3, 4, 5)), nn.LayerNorm(3).double()
    module.weight.data, module.bias.data = torch.tensor(params["gamma"]), torch.tensor(params["beta"])
    found = run(arena, layer, x, dy, params)
    wanted = torch_pass(lambda t: module(t.movedim(1, -1)).movedim(-1, 1), x, dy)
    grads = {"gamma": module.weight.grad.numpy(), "beta": module.bias.grad.numpy()}
    agree(arena, found, wanted._replace(grads=grads))


@pytest.mark.parametrize(("axes", "scale"), [((-1,), True), ((-1, -2), True), ((-1, -2), False)])
def test_rms_norm_against_torch(arena, run, torch_pass, agree, parameters, normal, axes, scale) -> None:
    shape = (2, 3, 4, 5)
    layer, x, dy = RMSNorm(0.01, axes, scale), normal(*shape), normal(*shape, seed=1)
    params = parameters(layer, shape[1:])
    module = nn.RMSNorm(shape[-len(axes) :], 0.01, elementwise_affine=scale)
    wanted = torch_pass(module, x, dy, **({"weight": params["gamma"]} if scale else {}))
    agree(arena, run(arena, layer, x, dy, params), wanted, **NAMES)


def test_rms_norm_by_hand(arena, run, assert_close) -> None:
    """3, 4, 0, 0: the mean square is 25 / 4."""
    found = run(arena, RMSNorm(epsilon=2.75), [[3.0, 4.0, 0.0, 0.0]], params={"gamma": [1.0, 3.0, 1.0, 1.0]})
    assert_close(found.y, [[1.0, 4.0, 0.0, 0.0]], arena.dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11, 12])
def test_lrn_against_torch(arena, run, torch_pass, agree, normal, shape, size) -> None:
    layer, x, dy = LRN(size, 0.3, 0.6, 1.5), normal(*shape, scale=2), normal(*shape, seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(nn.LocalResponseNorm(size, 0.3, 0.6, 1.5), x, dy))


def test_lrn_by_hand(arena, run, assert_close) -> None:
    """Squares 1, 4, 9; an even window is longer before its channel, a huge one sees all of them."""
    x = [[1.0, 2.0, 3.0]]
    two = run(arena, LRN(2, alpha=2.0, beta=1.0, bias=1.0), x)
    assert_close(two.y, [[1 / 2, 2 / 6, 3 / 14]], arena.dtype)
    whole = run(arena, LRN(10**12, alpha=1e12, beta=1.0, bias=1.0), x)
    assert_close(whole.y, [[1 / 15, 2 / 15, 3 / 15]], arena.dtype)


@pytest.mark.parametrize("layer", [GroupNorm(2), InstanceNorm(), LayerNorm(axes=(2, 3)), RMSNorm(), LRN(3)])
def test_a_sample_does_not_see_the_others(arena, run, parameters, normal, layer) -> None:
    x, params = normal(3, 4, 2, 3), parameters(layer, (4, 2, 3))
    whole, alone = run(arena, layer, x, params=params), run(arena, layer, x[1:2], params=params)
    assert np.allclose(whole.y[1:2], alone.y, rtol=0, atol=1e-6)
    assert not layer.couples_samples


def test_variables() -> None:
    rng = np.random.default_rng(0)
    for layer, shapes in (
        (GroupNorm(2), {"gamma": (4,), "beta": (4,)}),
        (GroupNorm(2, scale=False), {"beta": (4,)}),
        (InstanceNorm(shift=False), {"gamma": (4,)}),
        (LayerNorm(axes=(-1, 1)), {"gamma": (4, 3), "beta": (4, 3)}),
        (LayerNorm(scale=False, shift=False), {}),
        (RMSNorm(), {"gamma": (4,)}),
        (LRN(3), {}),
    ):
        params, state = layer.init(rng, (4, 2, 3))
        assert {name: value.shape for name, value in params.items()} == shapes
        assert all((value == (name == "gamma")).all() for name, value in params.items())
        assert state == {}


def test_what_an_output_sees() -> None:
    assert LayerNorm(axes=(1,)).reach((4, 5, 6)).extent == RMSNorm().reach((4, 5, 6)).extent == (1, 1)
    assert LRN(3).reach((4, 5, 6)).extent == (1, 1)
    for layer in (LayerNorm(), LayerNorm(axes=(2,)), GroupNorm(2), InstanceNorm(), RMSNorm(axes=(1, 2))):
        assert layer.reach((4, 5, 6)) is None


def test_what_does_not_fit(arena, run) -> None:
    with pytest.raises(ShapeError, match=r"GroupNorm: expected x of shape \(N, C, \.\.\.\) with C divisible by groups"):
        GroupNorm(3).output_shape((4, 2))
    with pytest.raises(ShapeError, match="with positions"):
        InstanceNorm().output_shape((4,))
    with pytest.raises(ShapeError, match="with different axes 2"):
        LayerNorm(axes=(2,)).output_shape((4,))
    with pytest.raises(ShapeError, match=r"\(N, \.\.\.\) with lengths 3 along \(1,\), got \(N, 2\)"):
        run(arena, LayerNorm(axes=(1,)), [[1.0, 2.0]], params={"gamma": np.ones(3), "beta": np.ones(3)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupNorm(0), "GroupNorm: expected groups to be a whole number >= 1, got 0"),
        (lambda: GroupNorm(1, scale="no"), "GroupNorm: expected scale to be true or false, got 'no'"),
        (lambda: InstanceNorm(epsilon=0), "InstanceNorm: expected epsilon to be > 0, got 0"),
        (lambda: LayerNorm(shift=None), "LayerNorm: expected shift to be true or false, got None"),
        (lambda: LRN(0), "LRN: expected size to be a whole number >= 1, got 0"),
        (lambda: LRN(3, alpha=math.inf), "LRN: expected alpha to be a finite number, got inf"),
    ],
)
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("axes", [(), (0,), (2, 2)])
def test_axes_that_cannot_be(axes) -> None:
    for kind in (LayerNorm, RMSNorm):
        with pytest.raises(ConfigError, match=f"{kind.__name__}: expected axes to be a tuple of different axes"):
            kind(axes=axes)
