import numpy as np
import pytest
import torch

from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Reduce
from cnnkit.layers.base import Reach


def torch_prod(x, axes, keepdims):
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keepdim=keepdims)
    return x


TORCH = {
    "mean": torch.mean,
    "sum": torch.sum,
    "max": torch.amax,
    "min": torch.amin,
    "prod": torch_prod,
    "l1": lambda x, axes, keepdims: torch.linalg.vector_norm(x, 1, axes, keepdims),
    "l2": lambda x, axes, keepdims: torch.linalg.vector_norm(x, 2, axes, keepdims),
}


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("axes", [(1,), (3,), (3, 2), (1, 3), (1, 2, 3)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_reductions_are_those_of_torch(arena, run, torch_pass, normal, agree, kind, axes, keepdims) -> None:
    if axes == (1, 2, 3) and not keepdims:
        axes = (2, 1)
    layer, x = Reduce(kind, axes, keepdims), normal(2, 3, 5, 4)
    dy = normal(2, *layer.output_shape((3, 5, 4)), seed=1)
    agree(arena, run(arena, layer, x, dy), torch_pass(lambda t: TORCH[kind](t, axes, keepdims), x, dy))


def test_the_gradient_goes_to_the_first_maximum(arena, run) -> None:
    x = np.array([[[1.0, 3.0], [3.0, 2.0]]])
    assert run(arena, Reduce("max", (1, 2)), x).dx.tolist() == [[[0, 1], [0, 0]]]
    assert run(arena, Reduce("min", (2, 1)), -x).dx.tolist() == [[[0, 1], [0, 0]]]


def test_among_nan_the_last_is_the_maximum(arena, run) -> None:
    x = np.array([[np.nan, 7.0, np.nan, 1.0], [1.0, np.inf, 2.0, np.inf]])
    for kind, sign in (("max", 1), ("min", -1)):
        found = run(arena, Reduce(kind, (1,)), sign * x)
        assert np.isnan(found.y[0, 0])
        assert found.y[1, 0] == sign * np.inf
        assert found.dx.tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]


def test_the_gradient_of_a_product_with_zeros(arena, run) -> None:
    x = np.array([[2.0, 0.0, 3.0, 5.0, 7.0], [0.0, 2.0, 0.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
    found = run(arena, Reduce("prod", (1,)), x)
    assert found.y.tolist() == [[0], [0], [120]]
    assert found.dx.tolist() == [[0, 210, 0, 0, 0], [0, 0, 0, 0, 0], [120, 60, 40, 30, 24]]


def test_norms_at_zero(arena, run) -> None:
    x = np.array([[0.0, 0.0], [3.0, -4.0], [0.0, -2.0]])
    assert run(arena, Reduce("l1", (1,)), x).dx.tolist() == [[0, 0], [1, -1], [0, -1]]
    found = run(arena, Reduce("l2", (1,)), x)
    assert found.y.tolist() == [[0], [5], [2]]
    np.testing.assert_allclose(found.dx, [[0, 0], [0.6, -0.8], [0, -1]], rtol=1e-6)


def test_what_an_output_sees() -> None:
    assert Reduce("mean", (1,)).reach((3, 4, 4)) == Reach((1, 1), (1, 1))
    assert Reduce("mean", (2,)).reach((3, 4, 4)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("median", (1,)), "expected kind to be one of mean, sum, max, min, prod, l1, l2, got 'median'"),
        (("mean", (0, 1)), r"expected axes to be different whole numbers >= 1, such as \(2, 3\), got \(0, 1\)"),
        (("mean", ()), "expected axes to be different"),
        (("mean", (2, 2)), "expected axes to be different"),
        (("mean", 2), "expected axes to be different"),
        (("mean", (2,), 1), "expected keepdims to be true or false, got 1"),
    ],
)
def test_fields_that_cannot_be(fields, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reduce(*fields)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"\(N, ...\) with an axis 3, got \(N, 4, 4\): change its axes field"):
        Reduce("mean", (1, 3)).output_shape((4, 4))
