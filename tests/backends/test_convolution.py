from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS = settings(max_examples=50, deadline=None, derandomize=True)
sizes = st.integers(1, 7)


class Case(NamedTuple):
    x_shape: tuple[int, int, int, int]
    weight_shape: tuple[int, int, int, int]
    geometry: tuple  # stride, padding, dilation, groups
    seed: int
    scale: float


@st.composite
def cases(draw) -> Case:
    """Draw any geometry: uneven padding, dilation, groups, images of one pixel, pixels that no window reaches."""

    def pair(least, most):
        return draw(st.tuples(st.integers(least, most), st.integers(least, most)))

    groups = draw(st.integers(1, 3))
    window, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3)
    padding = (pair(0, 3), pair(0, 3))
    needed = [max(1, d * (w - 1) + 1 - sum(p)) for d, w, p in zip(dilation, window, padding, strict=True)]
    image = [least + draw(st.integers(0, 5)) for least in needed]
    channels, features = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    return Case(
        (draw(st.integers(1, 3)), channels, *image),
        (features, channels // groups, *window),
        (stride, padding, dilation, groups),
        draw(st.integers(0, 999)),
        draw(st.sampled_from([1e-6, 1.0, 1e6])),
    )


@SETTINGS
@given(case=cases())
def test_the_gradients_are_adjoint(backend, normal, case) -> None:
    """<conv(x, w), dy> = <x, dx> = <w, dw>: convolution is linear in x and in w."""
    x, weight = normal(*case.x_shape, seed=case.seed), normal(*case.weight_shape, seed=case.seed + 1)
    ax, aweight = backend.asarray(x, "float64"), backend.asarray(weight, "float64")
    y = backend.to_numpy(backend.convolve(ax, aweight, *case.geometry))
    dy = normal(*y.shape, seed=case.seed + 2)
    ady = backend.asarray(dy, "float64")
    dx = backend.to_numpy(backend.convolve_input_gradient(ady, aweight, x.shape, *case.geometry))
    dweight = backend.to_numpy(backend.convolve_weight_gradient(ady, ax, weight.shape, *case.geometry))
    wanted = pytest.approx((y * dy).sum(), abs=1e-10)
    assert (x * dx).sum() == wanted
    assert (weight * dweight).sum() == wanted


def test_cross_correlation_by_hand(arena) -> None:
    x = arena.array(np.arange(9.0).reshape(1, 1, 3, 3))
    weight = arena.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    y = arena.backend.convolve(x, weight, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    # 1*0 + 2*1 + 3*3 + 4*4 = 27: the kernel is not turned round
    assert arena.backend.to_numpy(y).tolist() == [[[[27.0, 37.0], [57.0, 67.0]]]]


def test_uneven_padding_puts_the_pixels_where_it_says(arena) -> None:
    x, weight = arena.array([[[[1.0, 2.0]]]]), arena.array([[[[1.0]]]])
    y = arena.backend.convolve(x, weight, (1, 1), ((1, 0), (0, 2)), (1, 1), 1)
    assert arena.backend.to_numpy(y).tolist() == [[[[0, 0, 0, 0], [1, 2, 0, 0]]]]


def test_pixels_beyond_the_last_window_get_no_gradient(arena) -> None:
    dy, weight = arena.array([[[[1.0]]]]), arena.array([[[[5.0]]]])
    dx = arena.backend.convolve_input_gradient(dy, weight, (1, 1, 2, 3), (3, 3), ((0, 0), (0, 0)), (1, 1), 1)
    assert arena.backend.to_numpy(dx).tolist() == [[[[5, 0, 0], [0, 0, 0]]]]
