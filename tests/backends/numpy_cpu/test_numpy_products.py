"""However a product is cut, it is the product."""

import numpy as np
import pytest

from cnnkit.backends.numpy_cpu.kernels import products
from cnnkit.backends.numpy_cpu.kernels.products import product, shared_product
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend

# (M, K, N), and the axis that is cut, if any
SHAPES = [
    ((16, 150, 3200), "n"), ((6, 25, 12544), "n"), ((3200, 150, 16), "m"), ((6, 12544, 25), "k"),
    ((16, 3200, 150), None), ((150, 3200, 16), None), ((64, 128, 3840), None), ((20, 30, 40), None),
    ((7, 3, 104729), None), ((5, 1, 9), None), ((1, 784, 20), None),
]  # fmt: skip


def factors(m: int, k: int, n: int, groups: int = 2):
    rng = np.random.default_rng(m * n)
    return rng.standard_normal((groups, m, k), "f4"), rng.standard_normal((groups, k, n), "f4")


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_a_product_cut_along_any_axis(shape, axis, assert_close) -> None:
    cut = products._cut(*shape)
    assert (cut and cut.axis) == axis
    x, y = factors(*shape)
    wanted = x.astype("f8") @ y.astype("f8")
    assert_close(product(np.empty, x, y), wanted, "float32", "gradient")
    assert_close(product(np.empty, x[1], y[1]), wanted[1], "float32", "gradient")
    assert_close(product(np.empty, x[1], y), x[1].astype("f8") @ y.astype("f8"), "float32", "gradient")
    turned = [np.ascontiguousarray(a.swapaxes(1, 2)).swapaxes(1, 2) for a in (x, y)]
    assert_close(product(np.empty, *turned), wanted, "float32", "gradient")


@pytest.mark.parametrize(("shape", "_axis"), SHAPES)
def test_it_is_written_where_it_belongs(shape, _axis, assert_close) -> None:
    """Into columns of a wider array, as convolution does it, whose other columns stay as they are."""
    x, y = factors(*shape)
    wide = np.zeros((2, shape[0], shape[2] + 4), "f4")
    out = wide[:, :, 1:-3]
    assert np.shares_memory(product(np.empty, x, y, out=out), wide)
    assert_close(wide[:, :, 1:-3], x.astype("f8") @ y.astype("f8"), "float32", "gradient")
    assert not wide[:, :, 0].any()
    assert not wide[:, :, -3:].any()


@pytest.mark.parametrize("shape", [(600, 30, 13), (13, 600, 30), (30, 13, 601), (8, 8, 8)])
def test_a_shared_product(shape, assert_close) -> None:
    x, y = factors(*shape)
    starts = []

    def share(work, firsts):
        starts.extend(firsts)
        return [work(first) for first in firsts]

    wanted = x.astype("f8") @ y.astype("f8")
    assert_close(shared_product(share, np.empty, x, y), wanted, "float32", "gradient")
    assert len(starts) == products.PARTS
    out = np.empty_like(wanted, "f4")
    assert shared_product(share, np.empty, x, y, out) is out
    assert_close(out, wanted, "float32", "gradient")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((2, 1), (1,)),
        ((100_000, 10), (10,)),
        ((4, 2, 3), (3,)),
        ((1,), (1, 4)),
    ],
)
def test_products_with_vectors(x, y) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(x), rng.standard_normal(y)
    assert np.array_equal(NumpyBackend(threads=2).matmul(x, y), x @ y)


@pytest.mark.parametrize("dtype", ["i4", "i8", "?"])
@pytest.mark.parametrize("shape", [(8, 100_000, 8), (64, 300, 64)])
def test_products_of_whole_numbers(dtype, shape) -> None:
    m, k, n = shape
    x, y = np.ones((m, k), dtype), np.ones((k, n), dtype)
    product = NumpyBackend(threads=2).matmul(x, y)
    assert product.dtype == dtype
    assert np.array_equal(product, x @ y)
