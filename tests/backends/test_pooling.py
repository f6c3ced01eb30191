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
