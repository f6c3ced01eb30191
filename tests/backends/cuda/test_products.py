"""Matrix products in cuBLAS' form: every layout that NumPy can express must come out as numpy.matmul's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.backends.cuda.products import Product, gemm
from cnnkit.backends.cuda.simulator.device_array import on_host
from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.sim_machine import SimMachine


def counted(x, y, out=None, accumulate=False):
    """Return (result on the host, the products that were run)."""
    machine, products = SimMachine(), []

    def multiply(product: Product, *arguments) -> None:
        products.append(product)
        machine.multiply(product, *arguments)

    return on_host(gemm(xp, multiply, xp.asarray(x), xp.asarray(y), out, accumulate)).copy(), products


def device_view(values, axes, steps):
    """Return a device array whose axes were permuted and cut: strides of every kind."""
    array = xp.asarray(np.ascontiguousarray(values.transpose(np.argsort(axes)))).transpose(axes)
    return array[tuple(slice(None, None, step) for step in steps)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_strides_and_any_broadcasting_give_numpys_product(data) -> None:
    draw = data.draw
    batch = draw(st.lists(st.integers(1, 3), max_size=3))
    m, n, k = (draw(st.integers(1, 4)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    host, device = [], []
    for rows, columns in ((m, k), (k, n)):
        own = [length if draw(st.booleans()) else 1 for length in batch]
        shape = (*own[draw(st.integers(0, len(own))) :], rows, columns)
        steps = [draw(st.sampled_from([1, 2])) for _ in shape]
        full = rng.normal(size=[(length - 1) * step + 1 for length, step in zip(shape, steps, strict=True)])
        axes = draw(st.permutations(range(len(shape))))
        host.append(full[tuple(slice(None, None, step) for step in steps)])
        device.append(device_view(full, axes, steps))
    got, _ = counted(*device)
    wanted = np.matmul(*host)
    assert got.shape == wanted.shape
    assert np.allclose(got, wanted, rtol=0, atol=1e-12)


def test_a_batch_with_equal_steps_is_one_product() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5)), rng.normal(size=(7, 2, 5, 4))
    got, products = counted(x, y)
    assert np.allclose(got, x @ y)
    assert [p.batch for p in products] == [14]
    assert products[0].x.step == 0


def test_uneven_steps_are_split_along_the_shortest_axis() -> None:
    rng = np.random.default_rng(0)
    groups, samples = rng.normal(size=(3, 6, 5)), rng.normal(size=(7, 3, 5, 4))
    got, products = counted(groups, samples)
    assert np.allclose(got, groups @ samples)
    assert [p.batch for p in products] == [7, 7, 7]


def test_transposed_factors_are_read_where_they_are() -> None:
    rng = np.random.default_rng(0)
    x, y = xp.asarray(rng.normal(size=(5, 6))), xp.asarray(rng.normal(size=(4, 5)))
    _, products = counted(x.transpose(1, 0), y.transpose(1, 0))
    assert [(p.x.transposed, p.y.transposed) for p in products] == [(True, True)]


def test_sums_are_added_where_they_are() -> None:
    rng = np.random.default_rng(0)
    x, y, before = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    got, _ = counted(x, y, xp.asarray(before), accumulate=True)
    assert np.allclose(got, before + x @ y)


@pytest.mark.parametrize(("m", "k", "n"), [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_empty_products(m, k, n) -> None:
    got, products = counted(np.ones((m, k)), np.ones((k, n)))
    assert np.array_equal(got, np.zeros((m, n)))
    assert products == []
    kept, _ = counted(np.ones((2, 0)), np.ones((0, 2)), xp.asarray(np.ones((2, 2))), accumulate=True)
    assert np.array_equal(kept, np.ones((2, 2)))
