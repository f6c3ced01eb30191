from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS = settings(max_examples=50, deadline=None, derandomize=True)
sizes = st.integers(1, 7)


class Case(NamedTuple):
    x_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    geometry: tuple  # stride, padding, dilation, groups
    seed: int
    scale: float


@st.composite
def cases(draw) -> Case:
    """Draw any geometry: uneven padding, dilation, groups, images of one pixel, pixels that no window reaches."""

    axes = draw(st.sampled_from([2, 2, 1, 3]))  # spatial ones

    def numbers(least, most, count=axes):
        return draw(st.tuples(*[st.integers(least, most)] * count))

    groups = draw(st.integers(1, 3))
    window, stride, dilation = numbers(1, 4 if axes < 3 else 2), numbers(1, 3), numbers(1, 3)
    padding = tuple(numbers(0, 3, 2) for _ in range(axes))
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


CONVOLUTIONS = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_against_torch_with_its_own_gradients(arena, normal, axes, groups) -> None:
    """PyTorch's autograd is the outsider; uneven padding is written into its image."""
    stride, dilation, window = (2, 1, 3)[:axes], (1, 2, 2)[:axes], (3, 2, 2)[:axes]
    padding = ((1, 2), (0, 1), (2, 0))[:axes]
    x = normal(2, 4, *(7, 6, 8)[:axes])
    weight = normal(8, 4 // groups, *window, seed=1)
    theirs = [torch.tensor(value, requires_grad=True) for value in (x, weight)]
    framed = torch.nn.functional.pad(theirs[0], [width for ends in reversed(padding) for width in ends])
    wanted = CONVOLUTIONS[axes](framed, theirs[1], None, stride, 0, dilation, groups)
    dy = normal(*wanted.shape, seed=2)
    wanted.backward(torch.tensor(dy))
    how, (ax, aweight, ady) = (stride, padding, dilation, groups), map(arena.array, (x, weight, dy))
    backend, bound = arena.backend, 1e-10 if arena.dtype == "float64" else 2e-5
    for found, right in (
        (backend.convolve(ax, aweight, *how), wanted.detach()),
        (backend.convolve_input_gradient(ady, aweight, x.shape, *how), theirs[0].grad),
        (backend.convolve_weight_gradient(ady, ax, weight.shape, *how), theirs[1].grad),
    ):
        np.testing.assert_allclose(backend.to_numpy(found), right.numpy(), rtol=0, atol=bound)
