import threading
import time

import numpy as np
import pytest
import threadpoolctl

from cnnkit.backends.numpy_cpu.kernels import products
from cnnkit.backends.numpy_cpu.numpy_backend import NumpyBackend
from cnnkit.backends.numpy_cpu.threads.thread_tuner import TRIALS
from cnnkit.layers import BatchNorm, Context, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Residual, Sequential
from cnnkit.tree import flatten

PADDING = ((1, 1), (0, 2))
CONVOLUTION = ((1, 2), PADDING, (1, 1), 1)
POOLING = ((3, 3), (2, 1), PADDING, (1, 1))


def test_a_later_call_changes_no_earlier_result(normal) -> None:
    """Scratch buffers are kept between calls; nothing that is returned may live in one."""
    backend = NumpyBackend()
    weight = normal(4, 3, 3, 3, seed=9)

    def results(seed: int) -> list:
        x = normal(2, 3, 6, 7, seed=seed)
        y = backend.convolve(x, weight, *CONVOLUTION)
        dx = backend.convolve_input_gradient(y, weight, x.shape, *CONVOLUTION)
        dweight = backend.convolve_weight_gradient(y, x, weight.shape, *CONVOLUTION)
        pooled, saved = backend.max_pool(x, *POOLING)
        dpooled = backend.max_pool_gradient(pooled, saved, x.shape, *POOLING)
        mean = backend.average_pool(x, *POOLING, PADDING)
        dmean = backend.average_pool_gradient(mean, x.shape, *POOLING, PADDING)
        return [y, dx, dweight, pooled, *saved, dpooled, mean, dmean]

    first = results(0)
    kept = [array.copy() for array in first]
    results(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))
    assert backend._workspace()._buffers  # scratch was in use


def test_the_saved_of_a_pooling_outlives_the_next_pooling(normal) -> None:
    backend, x, dy = NumpyBackend(), normal(1, 2, 5, 5), normal(1, 2, 3, 5, seed=2)
    y, saved = backend.max_pool(x, *POOLING)
    assert y.shape == dy.shape
    at_once = backend.max_pool_gradient(dy, saved, x.shape, *POOLING)
    backend.max_pool(normal(1, 2, 5, 5, seed=1), *POOLING)
    assert np.array_equal(backend.max_pool_gradient(dy, saved, x.shape, *POOLING), at_once)


def test_scratch_serves_a_smaller_shape_from_a_larger_buffer() -> None:
    backend = NumpyBackend()
    large = backend.scratch("name", (4, 5), "float32")
    small = backend.scratch("name", (2, 3), "float32")
    assert small.shape == (2, 3)
    assert np.shares_memory(large, small)
    assert not np.shares_memory(large, backend.scratch("other", (2, 3), "float32"))
    assert backend.scratch("name", (2, 3), "float64").dtype == np.float64


NETWORK = Sequential(
    (
        Conv2D(8, 3, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Residual(Sequential((Conv2D(8, 3, padding=1), Dropout(0.3), ReLU()))),
        Flatten(),
        Dropout(0.5),
        Dense(5),
    )
)


def passes(backend: NumpyBackend, x, params) -> list:
    context = Context(backend, training=True, key=(1, 2), step=3)

    def step(x) -> list:
        y, cache = NETWORK.forward(context, params, {}, x)
        dx, grads = NETWORK.backward(context, params, cache, y)
        return [y, dx, *flatten(grads).values()]

    return backend.compile(step)(x)


def test_the_bits_do_not_depend_on_the_number_of_threads(normal) -> None:
    params = NETWORK.init(np.random.default_rng(0), (1, 28, 28)).params
    x = normal(37, 1, 28, 28)
    one, two, three = (passes(NumpyBackend(threads=n), x, params) for n in (1, 2, 3))
    for a, b, c in zip(one, two, three, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_shards_inside_shards_do_not_wait_for_each_other() -> None:
    backend = NumpyBackend(threads=2)

    def outer(first: int, x):
        return first, backend.map_samples(lambda inner, part: (first + inner, part.sum()), 2, x)

    results = backend.map_samples(outer, 4, np.ones((18, 3)))
    assert [first for first, _ in results] == [0, 4, 8, 12, 16]
    assert [inner for _, shards in results for inner, _ in shards] == list(range(0, 18, 2))


def test_an_error_in_a_shard_reaches_the_caller() -> None:
    def fail(first: int, _x):
        raise ValueError(first)

    with pytest.raises(ValueError, match="0"):
        NumpyBackend(threads=2).map_samples(fail, 2, np.ones((6, 1)))


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}


def test_blas_has_one_thread_inside_a_step_and_what_it_had_outside() -> None:
    before = blas_threads()
    for backend in (NumpyBackend(threads=1), NumpyBackend(threads=2)):
        assert backend.compile(lambda _: blas_threads())(np.zeros(1)) == {1}
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError):
            backend.compile(lambda _: 1 // 0)(np.zeros(1))
        assert blas_threads() == before


@pytest.mark.parametrize(("rows", "inner", "columns"), [(600, 300, 130), (130, 300, 601), (128, 14400, 128)])
def test_a_large_product_is_cut_the_same_way_for_any_number_of_threads(rows, inner, columns, assert_close, normal):
    x, y = normal(rows, inner).astype("float32"), normal(inner, columns).astype("float32")
    one, two, three = (NumpyBackend(threads=n).gemm(x, y) for n in (1, 2, 3))
    assert x.size * columns > products.LARGE
    assert_close(one, x.astype("float64") @ y.astype("float64"), "float32", "gradient")
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)
    batched = NumpyBackend(threads=2).gemm(x[None], np.stack([y, y]), out=(out := np.empty((2, rows, columns), "f4")))
    assert batched is out
    assert_close(out[1], one, "float32", "gradient")


def test_the_default_is_a_thread_a_core() -> None:
    assert NumpyBackend().threads >= 1


def test_the_shard_depends_on_the_shape_alone() -> None:
    one, many = NumpyBackend(threads=1), NumpyBackend(threads=8)
    for shape in [(64, 1, 28, 28), (64, 64, 56, 56), (3, 1, 1, 1)]:
        assert one.shard_size(shape) == many.shard_size(shape) >= 1


def test_a_compiled_step_lets_infinities_arise() -> None:
    step = NumpyBackend().compile(lambda x: np.exp(x) - np.exp(x))
    assert np.isnan(step(np.array([1e4]))).all()


def test_shards_go_to_threads_where_that_is_quicker() -> None:
    """Both ways are tried; sleeping shards overlap on threads, and shards that do nothing only wait for them."""
    x = np.ones((6, 1))

    def sleeping(_first: int, _x) -> str:
        time.sleep(0.005)
        return threading.current_thread().name

    def idle(_first: int, _x) -> str:
        return threading.current_thread().name

    for function, on_threads in ((sleeping, True), (idle, False)):
        backend = NumpyBackend(threads=2)
        names_of_threads = [backend.map_samples(function, 2, x) for _ in range(2 * TRIALS + 5)]
        ways = [names[0].startswith("cnnkit") for names in names_of_threads]
        assert ways[: 2 * TRIALS] == [True, False] * TRIALS
        assert ways[2 * TRIALS :] == [on_threads] * 5


def test_what_takes_different_times_is_timed_apart(normal) -> None:
    """Two runs of layers on images of one shape, with what couples the samples between them."""
    backend = NumpyBackend(threads=2)
    network = Sequential([Conv2D(4, 3, padding="same"), BatchNorm(), Conv2D(4, 5, padding="same")])
    params, state = network.init(np.random.default_rng(0), (4, 32, 32))
    x = normal(64, 4, 32, 32)
    y, cache = network.forward(Context(backend, training=True), params, state, x)
    network.backward(Context(backend, training=True), params, cache, y)
    kinds = [kind for kind in backend._tuners if kind[1] == x.shape]
    assert sorted(name.split()[0] for name, _ in kinds) == ["backward"] * 2 + ["forward"] * 2
