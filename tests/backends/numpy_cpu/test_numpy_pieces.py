"""What the NumPy backend does piece by piece equals what is done in one go."""

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu import numpy_backend
from cnnkit.backends.numpy_cpu.kernels import composites, convolution, windows
from cnnkit.backends.numpy_cpu.kernels.windows import windows_on
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.protocol import Backend
from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.optimizers import SGD, Adam, AdamW, RMSprop

GEOMETRY = ((2, 1), ((2, 1), (0, 2)), (1, 2), 2)  # stride, padding, dilation, groups


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of columns of a row or two."""
    monkeypatch.setattr(windows, "BLOCK_VALUES", 700)
    monkeypatch.setattr(windows, "MOST_BLOCK_VALUES", 700)
    windows_on.cache_clear()
    yield
    windows_on.cache_clear()


@pytest.mark.usefixtures("small_blocks")
def test_convolution_in_blocks_of_rows(normal, assert_close) -> None:
    backend, reference = NumpyBackend(), ReferenceBackend()
    x, weight = normal(3, 4, 11, 9), normal(6, 2, 3, 2, seed=1)
    assert len(windows_on(x.shape, weight.shape[2:], *GEOMETRY[:3]).blocks) > 2
    y = backend.convolve(x, weight, *GEOMETRY)
    assert_close(y, reference.convolve(x, weight, *GEOMETRY), "float64", "forward")
    for dy in (normal(*y.shape, seed=2), normal(*y.shape[::-1], seed=2).T):
        dx = backend.convolve_input_gradient(dy, weight, x.shape, *GEOMETRY)
        dweight = backend.convolve_weight_gradient(dy, x, weight.shape, *GEOMETRY)
        assert_close(dx, reference.convolve_input_gradient(dy, weight, x.shape, *GEOMETRY), "float64", "gradient")
        assert_close(dweight, reference.convolve_weight_gradient(dy, x, weight.shape, *GEOMETRY), "float64", "gradient")


@pytest.mark.parametrize("terms", [0, 10**9])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("size", [(9,), (7, 8), (5, 4, 6)], ids=str)
def test_an_input_gradient_by_columns_and_as_a_convolution(
    size, groups, terms, normal, assert_close, monkeypatch
) -> None:
    """Both ways, whatever the threshold between them; with padding wider than a window reaches, one way alone."""
    monkeypatch.setattr(convolution, "FEW_TERMS", terms)
    backend, reference, axes = NumpyBackend(), ReferenceBackend(), len(size)
    for padding in (((1, 2),) * axes, ((0, 0),) * axes, ((5, 0),) * axes):
        how = (1,) * axes, padding, (1, 2, 1)[:axes], groups
        x, weight = normal(3, 4, *size), normal(4, 4 // groups, *(3, 2, 2)[:axes], seed=1)
        dy = normal(*reference.convolve(x, weight, *how).shape, seed=2)
        dx = backend.convolve_input_gradient(dy, weight, x.shape, *how)
        assert_close(dx, reference.convolve_input_gradient(dy, weight, x.shape, *how), "float64", "gradient")


def test_blocks_cover_every_row_once() -> None:
    made = windows_on((32, 64, 57, 61), (3, 3), (1, 2), ((1, 1), (1, 1)), (1, 1))
    rows = [row for block in made.blocks for row in range(block.first, block.first + block.rows)]
    assert rows == list(range(made.outputs[0]))
    assert len(made.blocks) > 1


def test_images_have_their_samples_last_in_memory(normal) -> None:
    backend, x = NumpyBackend(), normal(3, 2, 6, 6)
    y = backend.convolve(x, normal(4, 2, 3, 3, seed=1), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    pooled, _ = backend.max_pool(y, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    joined = backend.concatenate([pooled, pooled])
    assert joined.shape == (6, 4, 3, 3)
    for images in (y, pooled, joined):
        assert images.transpose(1, 2, 3, 0).flags.c_contiguous


def test_a_window_may_have_more_places_than_a_byte_can_tell_apart(normal) -> None:
    backend, geometry = NumpyBackend(), ((18, 17), (18, 17), ((0, 0), (0, 0)), (1, 1))
    x = normal(2, 1, 36, 34)
    x[:, :, 17, 16] = x[:, :, 35, 33] = 100
    y, saved = backend.max_pool(x, *geometry)
    dx = backend.max_pool_gradient(np.ones_like(y), saved, x.shape, *geometry)
    assert dx.sum() == y.size
    assert (dx[:, :, 17, 16] == 1).all()
    assert (dx[:, :, 35, 33] == 1).all()
    assert np.array_equal(np.sort(x[dx == 1]), np.sort(y, axis=None))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 4, 3)])
def test_bias_in_pieces(relu, shape, normal, monkeypatch) -> None:
    monkeypatch.setattr(composites, "PIECE_BYTES", 1000)
    backend, bias = NumpyBackend(), normal(7, seed=1)
    for order in ("C", "samples last"):
        x, dy = normal(*shape), normal(*shape, seed=2)
        if order != "C":
            x, dy = (np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0) for a in (x, dy))
        wanted = Backend.add_bias(backend, x, bias, relu)
        y = backend.add_bias(x, bias, relu)
        assert np.shares_memory(x, y)  # x was given up
        assert np.array_equal(y, wanted)
        kept = dy.copy()
        dx, dbias = backend.add_bias_gradient(dy, y, relu)
        dx_wanted, dbias_wanted = Backend.add_bias_gradient(backend, dy, y, relu)
        assert np.array_equal(dx, dx_wanted)
        assert np.allclose(dbias, dbias_wanted, rtol=1e-13, atol=1e-13)
        assert np.array_equal(dy, kept)


@pytest.mark.parametrize("rule", [SGD(), SGD(0.9, nesterov=True), RMSprop(), Adam(weight_decay=0.1), AdamW()])
def test_an_update_in_parts(rule, normal, monkeypatch) -> None:
    monkeypatch.setattr(numpy_backend, "UPDATE_VALUES", 100)
    parameter, gradient = normal(1037).astype("f4"), normal(1037, seed=1).astype("f4")
    slots = [abs(normal(1037, seed=2 + i)).astype("f4") for i in range(len(rule.slots))]
    scalars = rule.scalars(3, 1e-3)
    wanted = rule.step(ReferenceBackend(), parameter, gradient, slots, scalars)
    for threads in (1, 2):
        targets = [parameter.copy(), *(slot.copy() for slot in slots)]
        results = rule.step(NumpyBackend(threads=threads), targets[0], gradient, targets[1:], scalars)
        for result, target, values in zip(results, targets, wanted, strict=True):
            assert result is target
            assert np.array_equal(result, values)


def test_arrays_of_two_dtypes_are_joined_in_the_wider_one() -> None:
    joined = NumpyBackend().concatenate([np.zeros(2, "f4"), np.full(1, 1e300)])
    assert joined.dtype == np.float64
    assert joined[2] == 1e300


def test_an_outer_product_is_a_product(normal) -> None:
    backend, x, y = NumpyBackend(), normal(20, 1), normal(1, 30, seed=1)
    assert np.array_equal(backend.matmul(x, y), x @ y)
    assert np.array_equal(backend.matmul(x[None], np.stack([y, y])), x[None] @ np.stack([y, y]))
    assert np.array_equal(backend.gemm(x, y, out=(out := np.empty((20, 30)))), x @ y)
    assert out.any()
