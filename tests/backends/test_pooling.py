import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS = settings(max_examples=50, deadline=None, derandomize=True)
NO_PADDING = ((0, 0), (0, 0))


@st.composite
def geometries(draw):
    """Draw (x_shape, window, stride, padding); padding is smaller than the window, as layers make sure."""
    window = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(draw(st.tuples(st.integers(0, w - 1), st.integers(0, w - 1))) for w in window)
    image = [max(1, w - sum(p)) + draw(st.integers(0, 5)) for w, p in zip(window, padding, strict=True)]
    return (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *image), window, stride, padding


@SETTINGS
@given(geometry=geometries(), seed=st.integers(0, 999), levels=st.sampled_from([1, 2, 3, 10**6]))
def test_max_pooling_is_that_of_the_reference_ties_too(arena, reference, normal, assert_close, geometry, seed, levels):
    x_shape, *how = geometry
    x = np.random.default_rng(seed).integers(-levels, levels, x_shape).astype(np.float64)
    y, saved = reference.max_pool2d(x, *how)
    dy = normal(*y.shape, seed=seed)
    dx = reference.max_pool2d_gradient(dy, saved, x_shape, *how)

    backend = arena.backend
    got_y, got_saved = backend.max_pool2d(arena.array(x), *how)
    got_dx = backend.max_pool2d_gradient(arena.array(dy), got_saved, x_shape, *how)
    assert got_y.dtype == got_dx.dtype == arena.array(0.0).dtype
    assert_close(backend.to_numpy(got_y), y, arena.dtype)
    assert_close(backend.to_numpy(got_dx), dx, arena.dtype, "gradient")


@SETTINGS
@given(geometry=geometries(), seed=st.integers(0, 999), count_padding=st.booleans())
def test_average_pooling_is_that_of_the_reference_and_adjoint(
    arena, reference, normal, assert_close, geometry, seed, count_padding
):
    x_shape, *how = *geometry, count_padding
    x = normal(*x_shape, seed=seed)
    y = reference.average_pool2d(x, *how)
    dy = normal(*y.shape, seed=seed + 1)
    dx = reference.average_pool2d_gradient(dy, x_shape, *how)
    assert (y * dy).sum() == pytest.approx((x * dx).sum(), abs=1e-10)

    backend = arena.backend
    got_y = backend.average_pool2d(arena.array(x), *how)
    got_dx = backend.average_pool2d_gradient(arena.array(dy), x_shape, *how)
    assert got_y.dtype == got_dx.dtype == arena.array(0.0).dtype
    assert_close(backend.to_numpy(got_y), y, arena.dtype)
    assert_close(backend.to_numpy(got_dx), dx, arena.dtype, "gradient")


def test_of_equal_values_the_first_in_row_major_order_gets_the_gradient(arena) -> None:
    x = arena.array([[[[1.0, 7.0, 7.0], [7.0, 7.0, 2.0]]]])
    y, saved = arena.backend.max_pool2d(x, (2, 2), (1, 1), NO_PADDING)
    dx = arena.backend.max_pool2d_gradient(arena.array([[[[1.0, 10.0]]]]), saved, x.shape, (2, 2), (1, 1), NO_PADDING)
    assert arena.backend.to_numpy(y).tolist() == [[[[7, 7]]]]
    assert arena.backend.to_numpy(dx).tolist() == [[[[0, 11, 0], [0, 0, 0]]]]


def test_padding_never_wins(arena) -> None:
    x = arena.array([[[[-5.0]]]])
    padding = ((1, 1), (0, 1))
    y, saved = arena.backend.max_pool2d(x, (2, 2), (1, 1), padding)
    dy = arena.array([[[[1.0], [10.0]]]])
    assert arena.backend.to_numpy(y).tolist() == [[[[-5], [-5]]]]
    dx = arena.backend.max_pool2d_gradient(dy, saved, x.shape, (2, 2), (1, 1), padding)
    assert arena.backend.to_numpy(dx).tolist() == [[[[11]]]]


@pytest.mark.parametrize(("count_padding", "wanted"), [(True, [1.0, 2.5, 1.5]), (False, [2.0, 2.5, 3.0])])
def test_average_of_a_padded_row_by_hand(arena, count_padding, wanted) -> None:
    x = arena.array([[[[2.0, 3.0]]]])
    y = arena.backend.average_pool2d(x, (1, 2), (1, 1), ((0, 0), (1, 1)), count_padding)
    assert arena.backend.to_numpy(y).tolist() == [[[wanted]]]
