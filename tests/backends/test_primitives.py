import math

import numpy as np
import pytest

VALUES = [-30.0, -2.5, -1.0, -1e-6, 0.0, 1e-6, 0.5, 1.0, 3.0, 40.0]


@pytest.mark.parametrize(
    ("name", "function", "values"),
    [
        ("exp", math.exp, VALUES[:-1]),
        ("log", math.log, [1e-30, 0.5, 1.0, 2.0, 1e30]),
        ("log1p", math.log1p, [-0.5, 0.0, 1e-7, 1.0, 1e6]),
        ("sqrt", math.sqrt, [0.0, 1e-20, 0.25, 2.0, 1e10]),
        ("tanh", math.tanh, VALUES),
        ("erf", math.erf, VALUES),
    ],
)
def test_elementary_functions(arena, assert_close, name, function, values) -> None:
    x = np.array(values).astype(arena.dtype)
    y = getattr(arena.backend, name)(arena.array(x))
    assert y.dtype == arena.array(0.0).dtype
    got, wanted = arena.backend.to_numpy(y), [function(float(v)) for v in x]
    assert_close(got, wanted, arena.dtype)
    for one, two in zip(got, wanted, strict=True):  # relative to each value, besides
        assert one == pytest.approx(two, rel=1e-5 if arena.dtype == "float32" else 1e-12)


def test_maximum_with_an_array_and_a_number(arena) -> None:
    x = arena.array([-1.0, 2.0])
    assert arena.backend.to_numpy(arena.backend.maximum(x, 0.0)).tolist() == [0, 2]
    assert arena.backend.to_numpy(arena.backend.maximum(x, arena.array([-3.0, 5.0]))).tolist() == [-1, 5]
    assert arena.backend.maximum(x, 0.0).dtype == x.dtype
    assert np.isnan(arena.backend.to_numpy(arena.backend.maximum(arena.array([np.nan]), 0.0))).all()


def test_where_with_arrays_and_numbers(arena) -> None:
    x, y = arena.array([1.0, 2.0]), arena.array([-1.0, -2.0])
    for a, b, wanted in [(x, y, [-1, 2]), (x, 0.0, [0, 2]), (9.0, y, [-1, 9])]:
        found = arena.backend.where(x > 1.5, a, b)
        assert found.dtype == x.dtype
        assert arena.backend.to_numpy(found).tolist() == wanted


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (0, 2, 3)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_and_means(arena, normal, assert_close, name, axis, keepdims) -> None:
    x = normal(2, 3, 4, 5)
    found = getattr(arena.backend, name)(arena.array(x), axis=axis, keepdims=keepdims)
    assert_close(arena.backend.to_numpy(found), getattr(np, name)(x, axis=axis, keepdims=keepdims), arena.dtype)


def test_the_largest(arena) -> None:
    x = np.array([[1.0, 5.0, 5.0], [7.0, -2.0, 7.0]])
    backend, a = arena.backend, arena.array(x)
    assert backend.to_numpy(backend.max(a)).item() == 7
    assert backend.to_numpy(backend.max(a, axis=1)).tolist() == [5, 7]
    assert backend.to_numpy(backend.max(a, axis=0, keepdims=True)).tolist() == [[7, 5, 7]]
    first = backend.to_numpy(backend.argmax(a, axis=1))
    assert first.tolist() == [1, 0]  # the first of equals
    assert first.dtype == np.int64
    assert backend.to_numpy(backend.argmax(arena.array([[0.0] * 100]), axis=1)).tolist() == [0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_take_along_an_axis_with_indices_of_any_shape(arena, normal, axis) -> None:
    x = normal(3, 4, 5)
    for indices in (np.array([2, 0, 0]), np.array([[0, 1], [2, 1]])):
        found = arena.backend.take(arena.array(x), arena.integers(indices), axis)
        assert np.array_equal(arena.backend.to_numpy(found), np.take(x, indices, axis))


def test_moving_and_joining(arena, normal) -> None:
    x, backend = normal(2, 3, 4), arena.backend
    a = arena.array(x)
    assert np.array_equal(backend.to_numpy(backend.transpose(a, (2, 0, 1))), x.transpose(2, 0, 1))
    for axis in (0, 1):
        joined = backend.concatenate([a, a, a], axis=axis)
        assert np.array_equal(backend.to_numpy(joined), np.concatenate([x, x, x], axis))


def test_matmul(arena, normal, assert_close) -> None:
    x, y = normal(3, 4), normal(4, 5, seed=1)
    assert_close(arena.backend.to_numpy(arena.backend.matmul(arena.array(x), arena.array(y))), x @ y, arena.dtype)


def test_zeros_and_dtypes(arena) -> None:
    for dtype in (arena.dtype, "int64"):
        z = arena.backend.zeros((2, 3), dtype)
        assert str(z.dtype).endswith(dtype)
        assert arena.backend.to_numpy(z).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert str(arena.array([1]).dtype).endswith(arena.dtype)
    assert arena.backend.asarray(np.array([1, 2])).dtype == arena.integers([1]).dtype


def test_an_array_of_the_host_comes_back_as_it_went(arena) -> None:
    x = np.arange(6.0).reshape(2, 3)
    for host in (x, x[:, ::-1], x.T, np.broadcast_to(x, (4, 2, 3)), np.float64(3)):
        assert np.array_equal(arena.backend.to_numpy(arena.array(host)), host)
    again = arena.backend.asarray(arena.array(x), "float64")
    assert np.array_equal(arena.backend.to_numpy(again), x)


def test_assign_gives_the_array_to_use_from_now_on(arena) -> None:
    target, value = arena.array([1.0, 2.0, 3.0]), arena.array([4.0, 5.0, 6.0])
    assert arena.backend.to_numpy(arena.backend.assign(target, value)).tolist() == [4, 5, 6]
    assert arena.backend.to_numpy(value).tolist() == [4, 5, 6]


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_assign_writes_in_place_where_arrays_can_change(arena, name) -> None:
    if arena.backend.name == name:
        target = arena.array(np.array([1.0, 2.0]))
        assert arena.backend.assign(target, arena.array([3.0, 4.0])) is target


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 20])
@pytest.mark.parametrize("size", [1, 4, 8, 100])
def test_map_samples_covers_the_batch_in_order(backend, count, size) -> None:
    x, y = backend.asarray(np.arange(count * 2.0).reshape(count, 2)), backend.asarray(np.arange(count))
    seen = backend.map_samples(lambda first, *parts: (first, *map(backend.to_numpy, parts)), size, x, y)
    firsts, xs, ys = zip(*seen, strict=True)
    assert list(firsts) == list(range(0, max(count, 1), size))
    assert np.array_equal(np.concatenate(xs), backend.to_numpy(x))
    assert np.array_equal(np.concatenate(ys), backend.to_numpy(y))


def test_a_shard_has_samples(backend) -> None:
    assert backend.shard_size((64, 3, 32, 32)) >= 1


def test_compile_gives_a_function_that_does_the_same(backend) -> None:
    step = backend.compile(lambda x, scale: (x * scale, scale))
    y, scale = step(backend.asarray(np.array([1.0, 2.0])), 3.0)
    backend.synchronize()
    assert backend.to_numpy(y).tolist() == [3, 6]
    assert scale == 3
