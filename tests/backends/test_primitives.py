import math

import numpy as np
import pytest

from cnnkit.parity.primitives.elementwise import POINTS, POSITIVE


def test_maximum_with_an_array_and_a_number(arena) -> None:
    x = arena.array([-1.0, 2.0])
    assert arena.backend.to_numpy(arena.backend.maximum(x, 0.0)).tolist() == [0, 2]
    assert arena.backend.to_numpy(arena.backend.maximum(x, arena.array([-3.0, 5.0]))).tolist() == [-1, 5]
    assert arena.backend.maximum(x, 0.0).dtype == x.dtype
    assert np.isnan(arena.backend.to_numpy(arena.backend.maximum(arena.array([np.nan]), 0.0))).all()


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
    converted = arena.backend.asarray(arena.array(x), "float64")
    assert np.array_equal(arena.backend.to_numpy(converted), x)


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


@pytest.mark.parametrize("name", list(POINTS))
def test_float64_functions_are_right_to_the_last_place_or_the_one_beside_it(backend, name) -> None:
    x = np.random.default_rng(0).uniform(-6.5, 6.5, 4000)
    x = np.abs(x) if name in POSITIVE else x
    wanted = np.array([getattr(math, name)(v) for v in x])
    found = backend.to_numpy(getattr(backend, name)(backend.asarray(x, "float64")))
    assert np.max(np.abs(found - wanted) / np.spacing(np.abs(wanted))) <= (4 if name == "tanh" else 1)
