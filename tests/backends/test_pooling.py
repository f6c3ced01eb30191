import math

import numpy as np
import pytest
import torch
from torch.nn import functional

NO_PADDING = ((0, 0), (0, 0))
ONES = (1, 1)


def test_of_equal_values_the_first_in_row_major_order_gets_the_gradient(arena) -> None:
    x = arena.array([[[[1.0, 7.0, 7.0], [7.0, 7.0, 2.0]]]])
    y, saved = arena.backend.max_pool(x, (2, 2), (1, 1), NO_PADDING, ONES)
    dx = arena.backend.max_pool_gradient(
        arena.array([[[[1.0, 10.0]]]]), saved, x.shape, (2, 2), (1, 1), NO_PADDING, ONES
    )
    assert arena.backend.to_numpy(y).tolist() == [[[[7, 7]]]]
    assert arena.backend.to_numpy(dx).tolist() == [[[[0, 11, 0], [0, 0, 0]]]]


def test_padding_never_wins(arena) -> None:
    x = arena.array([[[[-5.0]]]])
    padding = ((1, 1), (0, 1))
    y, saved = arena.backend.max_pool(x, (2, 2), (1, 1), padding, ONES)
    dy = arena.array([[[[1.0], [10.0]]]])
    assert arena.backend.to_numpy(y).tolist() == [[[[-5], [-5]]]]
    dx = arena.backend.max_pool_gradient(dy, saved, x.shape, (2, 2), (1, 1), padding, ONES)
    assert arena.backend.to_numpy(dx).tolist() == [[[[11]]]]


NAN, LOW = math.nan, -math.inf
EVEN, UNEVEN = ((1, 1), (1, 1)), ((1, 0), (2, 1))  # padding that PyTorch has itself, and padding that it has not


@pytest.mark.parametrize(
    ("x", "y", "dx"),
    [
        ([NAN, 1.0, NAN, 2.0], [NAN, NAN, NAN], [1, 0, 110, 0]),
        ([1.0, NAN, 3.0, LOW], [NAN, NAN, 3.0], [0, 11, 100, 0]),
        ([LOW, LOW, LOW, LOW], [LOW, LOW, LOW], [1, 10, 100, 0]),
        ([LOW, LOW, math.inf, NAN], [LOW, math.inf, NAN], [1, 0, 10, 100]),
        ([NAN, NAN, 0.0, LOW], [NAN, NAN, 0.0], [0, 11, 100, 0]),
    ],
    ids=str,
)
def test_nan_wins_and_the_last_one_gets_the_gradient(arena, x, y, dx) -> None:
    image = arena.array([[[x]]])
    found, saved = arena.backend.max_pool(image, (1, 2), (1, 1), NO_PADDING, ONES)
    np.testing.assert_array_equal(arena.backend.to_numpy(found), [[[y]]])
    dy = arena.array([[[[1.0, 10.0, 100.0]]]])
    found = arena.backend.max_pool_gradient(dy, saved, image.shape, (1, 2), (1, 1), NO_PADDING, ONES)
    np.testing.assert_array_equal(arena.backend.to_numpy(found), [[[dx]]])


@pytest.mark.parametrize("padding", [NO_PADDING, EVEN, UNEVEN, ((0, 2), (2, 0)), ((2, 2), (2, 2))], ids=str)
@pytest.mark.parametrize("value", [LOW, NAN])
def test_no_gradient_is_lost_in_padding(arena, padding, value) -> None:
    x = arena.array(np.full((2, 1, 3, 4), value))
    y, saved = arena.backend.max_pool(x, (3, 3), (1, 1), padding, ONES)
    np.testing.assert_array_equal(arena.backend.to_numpy(y), np.full(tuple(y.shape), value))
    dy = np.arange(1.0, 1 + math.prod(y.shape)).reshape(tuple(y.shape))
    dx = arena.backend.max_pool_gradient(arena.array(dy), saved, x.shape, (3, 3), (1, 1), padding, ONES)
    assert arena.backend.to_numpy(dx).sum() == dy.sum()


@pytest.mark.parametrize("window", [(2, 2), (3, 2), (3, 3)], ids=str)
def test_special_values_against_torch(arena, window) -> None:
    pixels = np.random.default_rng(0).choice(
        [LOW, NAN, math.inf, 0.0, 1.0], p=[0.5, 0.2, 0.1, 0.1, 0.1], size=(4, 3, 6, 7)
    )
    theirs = torch.tensor(pixels, requires_grad=True)
    y = functional.max_pool2d(theirs, window, 2, 1)
    y.backward(torch.ones_like(y))
    x = arena.array(pixels)
    found, saved = arena.backend.max_pool(x, window, (2, 2), EVEN, ONES)
    np.testing.assert_array_equal(arena.backend.to_numpy(found), y.detach().numpy())
    dx = arena.backend.max_pool_gradient(arena.array(np.ones(y.shape)), saved, x.shape, window, (2, 2), EVEN, ONES)
    np.testing.assert_array_equal(arena.backend.to_numpy(dx), theirs.grad.numpy())


@pytest.mark.parametrize(("counted", "wanted"), [(((0, 0), (1, 1)), [1.0, 2.5, 1.5]), (NO_PADDING, [2.0, 2.5, 3.0])])
def test_average_of_a_padded_row_by_hand(arena, counted, wanted) -> None:
    x = arena.array([[[[2.0, 3.0]]]])
    y = arena.backend.average_pool(x, (1, 2), (1, 1), ((0, 0), (1, 1)), ONES, counted)
    assert arena.backend.to_numpy(y).tolist() == [[[wanted]]]


MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
MEANS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
SPECIAL = np.array([LOW, NAN, math.inf, 0.0, 1.0])


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_special_values_in_every_rank_against_torch(arena, axes, dilation) -> None:
    """Ties, NaN and infinities, with PyTorch's own padding and dilation."""
    pixels = SPECIAL[np.random.default_rng(0).choice(5, p=[0.5, 0.1, 0.1, 0.2, 0.1], size=(2, 3, *(9, 6, 7)[:axes]))]
    window, stride, padding = (3, 2, 2)[:axes], (2, 2, 1)[:axes], (1, 1, 0)[:axes]
    theirs = torch.tensor(pixels, requires_grad=True)
    y = MAXIMA[axes](theirs, window, stride, padding, dilation)
    dy = np.arange(1.0, 1 + y.numel()).reshape(tuple(y.shape))
    y.backward(torch.tensor(dy))
    how = window, stride, tuple((p, p) for p in padding), (dilation,) * axes
    found, saved = arena.backend.max_pool(arena.array(pixels), *how)
    np.testing.assert_array_equal(arena.backend.to_numpy(found), y.detach().numpy())
    dx = arena.backend.max_pool_gradient(arena.array(dy), saved, pixels.shape, *how)
    np.testing.assert_array_equal(arena.backend.to_numpy(dx), theirs.grad.numpy())


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_means_that_round_up_against_torch(arena, normal, axes, counts) -> None:
    """In torch's ceil_mode the overhang of a last window never counts, and padding as it is told."""
    x, window, stride = normal(2, 3, *(8, 6, 7)[:axes]), (3, 2, 2)[:axes], (2, 3, 2)[:axes]
    theirs = torch.tensor(x, requires_grad=True)
    y = MEANS[axes](theirs, window, stride, 1, ceil_mode=True, count_include_pad=counts)
    dy = normal(*y.shape, seed=1)
    y.backward(torch.tensor(dy))
    reached = [(n - 1) * s + w for n, s, w in zip(y.shape[2:], stride, window, strict=True)]
    padding = tuple((1, max(1, r - n - 1)) for r, n in zip(reached, x.shape[2:], strict=True))
    assert any(end > 1 for _, end in padding)
    counted = tuple((1, 1) if counts else (0, 0) for _ in padding)
    how = window, stride, padding, (1,) * axes, counted
    bound = 1e-12 if arena.dtype == "float64" else 1e-6
    found = arena.backend.average_pool(arena.array(x), *how)
    np.testing.assert_allclose(arena.backend.to_numpy(found), y.detach().numpy(), rtol=0, atol=bound)
    dx = arena.backend.average_pool_gradient(arena.array(dy), x.shape, *how)
    np.testing.assert_allclose(arena.backend.to_numpy(dx), theirs.grad.numpy(), rtol=0, atol=bound)


def test_a_dilated_mean_by_hand(arena) -> None:
    """The windows see pixels 0 and 2, then 1 and 3; the part of the padding that counts is one pixel of two."""
    x = arena.array([[[1.0, 2.0, 4.0, 8.0]]])
    y = arena.backend.average_pool(x, (2,), (1,), ((2, 0),), (2,), ((1, 0),))
    assert arena.backend.to_numpy(y).tolist() == [[[1.0, 1.0, 2.5, 5.0]]]
