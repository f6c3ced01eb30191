"""Activations of one value or along axes, against torch.nn, by hand, and at the ends of the range."""

import math

import numpy as np
import pytest
import torch

from cnnkit import layers
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Context

nn = torch.nn
PAIRS = [
    (layers.ReLU6(), nn.ReLU6()),
    (layers.Clip(-0.5, 0.7), lambda x: x.clamp(-0.5, 0.7)),
    (layers.Clip(high=0.7), lambda x: x.clamp(max=0.7)),
    (layers.Clip(low=-1), lambda x: x.clamp(min=-1)),
    (layers.Clip(), nn.Identity()),
    (layers.SiLU(), nn.SiLU()),
    (layers.Hardswish(), nn.Hardswish()),
    (layers.Hardsigmoid(), lambda x: nn.functional.relu6(x + 3) / 6),  # torch.nn's gradient has a float32 constant
    (layers.Mish(), nn.Mish()),
    (layers.ELU(), nn.ELU()),
    (layers.ELU(alpha=0.3), nn.ELU(0.3)),
    (layers.SELU(), nn.SELU()),
    (layers.CELU(), nn.CELU()),
    (layers.CELU(alpha=0.5), nn.CELU(0.5)),
    (layers.Softplus(), nn.Softplus(threshold=50)),
    (layers.Softsign(), nn.Softsign()),
    (layers.ThresholdedReLU(0.5), nn.Threshold(0.5, 0)),
    (layers.LogSoftmax(), nn.LogSoftmax(dim=1)),
    (layers.LogSoftmax(axes=(-1,)), nn.LogSoftmax(dim=-1)),
    (layers.Softmax(axes=(-1,)), nn.Softmax(dim=-1)),
    (layers.Exp(), torch.exp),
    (layers.Abs(), torch.abs),
    (layers.Square(), torch.square),
    (layers.Power(3), lambda x: x**3),
    (layers.Power(0), lambda x: x**0),
]
OF_POSITIVE = [
    (layers.Log(), torch.log),
    (layers.Sqrt(), torch.sqrt),
    (layers.Reciprocal(), torch.reciprocal),
    (layers.Power(-0.7), lambda x: x**-0.7),
    (layers.Power(1), lambda x: x**1),
]


def name(value) -> str:
    return str(value) if isinstance(value, layers.Layer) else ""


@pytest.mark.parametrize(("layer", "module"), PAIRS, ids=name)
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5)])
def test_against_torch(arena, run, torch_pass, agree, normal, layer, module, shape) -> None:
    x, dy = normal(*shape, scale=3), normal(*shape, seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(module, x, dy))


@pytest.mark.parametrize(("layer", "function"), OF_POSITIVE, ids=name)
def test_functions_of_positive_values_against_torch(arena, run, torch_pass, agree, normal, layer, function) -> None:
    x, dy = np.abs(normal(4, 5, scale=3)) + 0.25, normal(4, 5, seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(function, x, dy))


def test_softmax_over_several_axes_is_that_of_the_flattened(arena, run, torch_pass, agree, normal) -> None:
    x, dy = normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=1)
    for layer, function in ((layers.Softmax((3, 1)), torch.softmax), (layers.LogSoftmax((1, 3)), torch.log_softmax)):
        wanted = torch_pass(
            lambda t, f=function: (
                f(t.movedim(2, 1).reshape(2, 4, 15), -1).reshape(2, 4, 3, 5).movedim(1, 2)  # (N, H, C * W)
            ),
            x,
            dy,
        )
        agree(arena, run(arena, layer, x, dy), wanted)


@pytest.mark.parametrize(
    ("layer", "module", "x"),
    [
        (layers.ReLU6(), nn.ReLU6(), [0.0, 6.0]),
        (layers.Clip(-1, 2), lambda x: x.clamp(-1, 2), [-1.0, 2.0]),
        (layers.Hardswish(), nn.Hardswish(), [-3.0, 0.0, 3.0]),
        (layers.Hardsigmoid(), nn.Hardsigmoid(), [-3.0, 3.0]),
        (layers.Hardsigmoid(0.25), lambda x: nn.functional.hardtanh(x / 4 + 0.5, 0.0, 1.0), [-2.0, 2.0]),
        (layers.ELU(0.5), nn.ELU(0.5), [0.0]),
        (layers.SELU(), nn.SELU(), [0.0]),
        (layers.CELU(0.5), nn.CELU(0.5), [0.0]),
        (layers.ThresholdedReLU(0.5), nn.Threshold(0.5, 0), [0.5]),
        (layers.Softsign(), nn.Softsign(), [0.0]),
        (layers.Abs(), torch.abs, [0.0]),
        (layers.Power(0), lambda x: x**0, [0.0]),
        (layers.Power(1), lambda x: x**1, [0.0]),
        (layers.Power(2), lambda x: x**2, [0.0, -1.0]),
    ],
    ids=name,
)
def test_kinks_against_torch(arena, run, torch_pass, agree, layer, module, x) -> None:
    agree(arena, run(arena, layer, [x]), torch_pass(module, np.array([x]), np.ones((1, len(x)))))


LARGEST = 3e38
ENDS = [  # (y, dx) at the ends of float32, as the limits are
    (layers.ReLU6(), (0, 6), (0, 0)),
    (layers.Clip(-2, 3), (-2, 3), (0, 0)),
    (layers.SiLU(), (0, LARGEST), (0, 1)),
    (layers.Hardswish(), (0, LARGEST), (0, 1)),
    (layers.Hardsigmoid(), (0, 1), (0, 0)),
    (layers.Mish(), (0, LARGEST), (0, 1)),
    (layers.ELU(0.5), (-0.5, LARGEST), (0, 1)),
    (layers.SELU(), (-1.7580993408473766, 1.0507009873554805 * LARGEST), (0, 1.0507009873554805)),
    (layers.CELU(2.0), (-2, LARGEST), (0, 1)),
    (layers.Softplus(), (0, LARGEST), (0, 1)),
    (layers.Softsign(), (-1, 1), (0, 0)),
    (layers.ThresholdedReLU(), (0, LARGEST), (0, 1)),
    (layers.Softmax(), (0, 1), (0, 0)),
    (layers.Abs(), (LARGEST, LARGEST), (-1, 1)),
]


@pytest.mark.parametrize(("layer", "y", "dx"), ENDS, ids=name)
@pytest.mark.parametrize("size", [1e12, 1e30])
def test_large_values_overflow_nowhere(arena, run, assert_close, layer, y, dx, size) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = run(arena, layer, [[-size, size]])
    wanted = [[value * (size / LARGEST) if abs(value) > 1e30 else value for value in y]]
    assert_close(found.y, wanted, arena.dtype)
    assert_close(found.dx, [dx], arena.dtype, "gradient")


@pytest.mark.parametrize(("layer", "y", "dx"), [row for row in ENDS if row[0].type != "Softmax"], ids=name)
def test_infinities_have_their_limits(arena, layer, y, dx) -> None:
    context, host = Context(arena.backend, True), arena.backend.to_numpy
    with np.errstate(invalid="raise"):
        found, cache = layer.forward(context, {}, {}, arena.array([[-math.inf, math.inf]]))
        slopes = layer.backward(context, {}, cache, arena.array([[1.0, 1.0]]))[0]
    for got, limit in zip(host(found)[0], y, strict=True):
        assert got == pytest.approx(math.copysign(math.inf, limit) if abs(limit) > 1e30 else limit, abs=1e-6)
    assert host(slopes)[0] == pytest.approx(dx, abs=1e-6)


def test_masked_logits_have_no_share(arena, run, assert_close) -> None:
    x = [[-math.inf, 0.0, math.log(3.0)], [1e4, -math.inf, 1e4]]
    assert_close(run(arena, layers.Softmax(), x).y, [[0, 0.25, 0.75], [0.5, 0, 0.5]], arena.dtype)
    found = run(arena, layers.LogSoftmax(), x, dy=[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.isneginf([found.y[0, 0], found.y[1, 1]]).all()
    assert_close(found.y[:, 2], [math.log(0.75), math.log(0.5)], arena.dtype)
    assert_close(found.dx, [[0, 0.75, -0.75], [-0.5, 0, 0.5]], arena.dtype, "gradient")


@pytest.mark.parametrize("layer", [layers.ELU(), layers.SiLU(), layers.Mish(), layers.Softplus(), layers.SELU()])
def test_values_near_zero_and_far_below_keep_their_digits(arena, run, torch_pass, layer) -> None:
    """Each to its own size, not to the largest: no difference of nearly equal numbers is formed."""
    x = np.array([[-1e-5, -1e-3, 1e-5, -9.0, -15.0]])
    found = run(arena, layer, x)
    precise = {"ELU": torch.expm1, "SELU": nn.SELU(), "SiLU": nn.SiLU(), "Mish": nn.Mish(), "Softplus": nn.Softplus()}
    wanted = torch_pass(precise[layer.type], x, np.ones_like(x)).y
    below = found.y[x < 0] if layer.type == "ELU" else found.y[0]
    assert below == pytest.approx(wanted[x < 0] if layer.type == "ELU" else wanted[0], rel=1e-6, abs=0)


def test_nan_stays_nan(arena, run) -> None:
    for layer, *_ in (*ENDS, (layers.LogSoftmax(),), (layers.Exp(),), (layers.Power(2),)):
        if layer.type != "ThresholdedReLU":
            assert np.isnan(run(arena, layer, [[math.nan, math.nan]]).y).all(), layer


@pytest.mark.parametrize(
    ("axes", "shape"), [((1,), (3, 4)), ((1,), (2, 3, 4, 5)), ((), (2, 3, 4)), ((), (3, 4)), ((1,), (2, 3, 4))]
)
def test_prelu_against_torch(arena, run, torch_pass, agree, parameters, normal, axes, shape) -> None:
    layer, x, dy = layers.PReLU(axes), normal(*shape), normal(*shape, seed=1)
    params = parameters(layer, shape[1:])
    module = nn.PReLU(shape[1] if axes else 1)
    agree(arena, run(arena, layer, x, dy, params), torch_pass(module, x, dy, **params))


def test_prelu_along_any_axes(arena, run, assert_close, normal) -> None:
    x, weight = normal(2, 3, 4, 5), normal(3, 5, seed=1)
    found = run(arena, layers.PReLU((-1, 1)), x, params={"weight": weight})
    assert_close(found.y, np.where(x > 0, x, x * weight[:, None, :]), arena.dtype)
    assert_close(found.grads["weight"], np.minimum(x, 0).sum(axis=(0, 2)), arena.dtype, "gradient")
    at_zero = run(arena, layers.PReLU(()), [[0.0]], params={"weight": [0.25]})
    assert at_zero.dx.tolist() == [[0.25]]  # as in PyTorch


def test_prelu_starts_at_a_quarter() -> None:
    params, _ = layers.PReLU().init(np.random.default_rng(0), (3, 2, 2))
    assert params["weight"].tolist() == [0.25] * 3
    assert layers.PReLU(()).variable_shapes((3, 2)).params == {"weight": (1,)}


def test_what_does_not_fit(arena, run) -> None:
    with pytest.raises(ShapeError, match=r"Softmax: expected x of shape \(N, ...\) with different axes 3, got"):
        layers.Softmax((3,)).output_shape((5,))
    with pytest.raises(ShapeError, match="different axes 1, -1"):
        layers.LogSoftmax((1, -1)).output_shape((5,))
    with pytest.raises(ShapeError, match="different axes -2"):
        layers.PReLU((-2,)).output_shape((5,))
    with pytest.raises(ShapeError, match=r"expected x of shape \(N, ...\) with lengths \(3,\) along axes \(1,\)"):
        run(arena, layers.PReLU(), [[1.0, 2.0]], params={"weight": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Clip(1, 0), "Clip: expected high to be at least low (=1), got 0"),
        (lambda: layers.Clip("0"), "Clip: expected low to be a finite number, got '0'"),
        (lambda: layers.CELU(0), "CELU: expected alpha to be > 0, got 0"),
        (lambda: layers.ELU(math.nan), "ELU: expected alpha to be a finite number, got nan"),
        (lambda: layers.Power(True), "Power: expected exponent to be a finite number, got True"),
        (lambda: layers.Hardsigmoid(shift=None), "Hardsigmoid: expected shift to be a finite number, got None"),
        (
            lambda: layers.ThresholdedReLU(math.inf),
            "ThresholdedReLU: expected threshold to be a finite number, got inf",
        ),
        *(
            (
                lambda axes=axes: layers.Softmax(axes),
                "Softmax: expected axes to be a tuple of different axes, 1 (channels) or higher, or negative from the "
                f"end, got {axes!r}",
            )
            for axes in ((), (0,), (1, 1), (1.0,), (True,), 1, (99,))
        ),
    ],
)
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message
