import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError
from cnnkit.layers import GELU, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh

Z = NormalDist()
PAIRS = [
    (ReLU(), torch.nn.ReLU()),
    (LeakyReLU(), torch.nn.LeakyReLU()),
    (LeakyReLU(slope=0.3), torch.nn.LeakyReLU(0.3)),
    (Sigmoid(), torch.nn.Sigmoid()),
    (Tanh(), torch.nn.Tanh()),
    (GELU(), torch.nn.GELU()),
    (GELU(approximate="tanh"), torch.nn.GELU("tanh")),
    (Softmax(), torch.nn.Softmax(dim=1)),
]


@pytest.mark.parametrize(("layer", "module"), PAIRS, ids=str)
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5)])
def test_against_torch(arena, run, torch_pass, agree, normal, layer, module, shape) -> None:
    x, dy = normal(*shape, scale=3), normal(*shape, seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(module, x, dy))


@pytest.mark.parametrize(
    ("layer", "y", "dx"),
    [
        (ReLU(), [0, 0, 2], [0, 0, 1]),
        (LeakyReLU(slope=0.5), [-0.5, 0, 2], [0.5, 0.5, 1]),
        (Sigmoid(), [1 / (1 + math.e), 0.5, 1 / (1 + math.exp(-2))], [0.19661193324148185, 0.25, 0.10499358540350662]),
        (Tanh(), [math.tanh(-1), 0, math.tanh(2)], [1 - math.tanh(-1) ** 2, 1, 1 - math.tanh(2) ** 2]),
        (GELU(), [-Z.cdf(-1), 0, 2 * Z.cdf(2)], [Z.cdf(-1) - Z.pdf(-1), 0.5, Z.cdf(2) + 2 * Z.pdf(2)]),
    ],
    ids=str,
)
def test_by_hand(arena, run, assert_close, layer, y, dx) -> None:
    found = run(arena, layer, [[-1.0, 0.0, 2.0]])
    assert_close(found.y, [y], arena.dtype)
    assert_close(found.dx, [dx], arena.dtype, "gradient")


def test_softmax_by_hand(arena, run, assert_close) -> None:
    found = run(arena, Softmax(), [[0.0, math.log(3.0)]], dy=[[1.0, 0.0]])
    assert_close(found.y, [[0.25, 0.75]], arena.dtype)
    assert_close(found.dx, [[0.1875, -0.1875]], arena.dtype, "gradient")


def test_softmax_of_images_is_along_the_channels(arena, run, normal, assert_close) -> None:
    assert_close(run(arena, Softmax(), normal(2, 3, 4, 5)).y.sum(axis=1), np.ones((2, 4, 5)), arena.dtype)


@pytest.mark.parametrize(
    ("layer", "y"),
    [
        (ReLU(), [0, 1e4]),
        (LeakyReLU(), [-100, 1e4]),
        (Sigmoid(), [0, 1]),
        (Tanh(), [-1, 1]),
        (GELU(), [0, 1e4]),
        (GELU(approximate="tanh"), [0, 1e4]),
        (Softmax(), [0, 1]),
    ],
    ids=str,
)
def test_large_values_overflow_nowhere(arena, run, assert_close, layer, y) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = run(arena, layer, [[-1e4, 1e4]])
    assert_close(found.y, [y], arena.dtype)
    assert np.isfinite(found.dx).all()


def test_sigmoid_of_a_thousand_is_zero_and_one_without_a_warning(arena, run) -> None:
    found = run(arena, Sigmoid(), [[-1000.0, 1000.0]])
    assert found.y.tolist() == [[0, 1]]
    assert found.dx.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GELU(approximate="erf"), 'GELU: expected approximate to be "none" or "tanh", got \'erf\''),
        (lambda: LeakyReLU(slope="0.1"), "LeakyReLU: expected slope to be a finite number, got '0.1'"),
        (lambda: LeakyReLU(slope=math.inf), "LeakyReLU: expected slope to be a finite number, got inf"),
    ],
)
def test_fields_that_cannot_be(make, message) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message
