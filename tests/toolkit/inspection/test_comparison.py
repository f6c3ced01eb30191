import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from cnnkit.inspection import comparison
from cnnkit.inspection.comparison import measure_distance


def measure(a, b, dtype=None, **options):
    a, b = np.asarray(a), np.asarray(b)
    return measure_distance(a, b, dtype or a.dtype.name, dtype or b.dtype.name, **options)


def test_by_hand():
    gap = measure(np.float64([[1, 2], [3, 4]]), np.float64([[1, 2.5], [3, 1]]))
    assert (gap.different, gap.incomparable, gap.first_index) == (2, 0, (0, 1))
    assert (gap.max_abs, gap.max_rel) == (3, 0.75)
    assert gap.l2 == pytest.approx(np.hypot(0.5, 3))
    assert not gap.same


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
def test_the_same_bits_are_the_same(array):
    gap = measure(array, array.copy())
    assert gap.same
    assert (gap.different, gap.max_abs, gap.max_ulp, gap.first_index) == (0, 0, 0, None)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("start", [1.0, -1.0, 0.0, 1e-7])
def test_ulps_count_steps(dtype, start):
    a, b = np.array([start], dtype), np.array([start], dtype)
    for _ in range(3):
        b = np.nextafter(b, np.array([-2], dtype))
    assert measure(a, b).max_ulp == (None if start > 0 > b[0] else 3)


def test_no_count_of_ulps_says_anything_where_a_value_changes_its_sign():
    tiny, far = np.float32(1e-45), np.finfo(np.float64).max
    assert measure(np.array([tiny]), np.array([-tiny])).max_ulp is None
    assert measure(np.array([far]), np.array([-far])).max_ulp is None
    assert measure(np.float32([2, 1]), np.float32([2, -1])).max_ulp is None
    assert measure(np.array([tiny]), np.float32([-0.0])).max_ulp == 1
    assert measure(np.array([far]), np.array([0.0])).max_ulp == int(np.array(far).view(np.int64))
    assert measure(np.float32([np.inf, 1]), np.float32([-np.inf, 1])).max_ulp == 0


def test_bfloat16():
    a, b = np.array([0x3F80, 0xC000], np.uint16), np.array([0x3F81, 0xC000], np.uint16)
    gap = measure(a, b, "bfloat16")
    assert (gap.max_ulp, gap.max_abs, gap.first_index) == (1, 2**-7, (0,))


def test_signs_of_zero_and_payloads_are_seen():
    zeros = measure(np.float32([0.0]), np.float32([-0.0]))
    assert (zeros.different, zeros.max_abs, zeros.max_ulp, zeros.first_index) == (1, 0, 0, (0,))
    nan = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(np.float32)
    gap = measure(nan[:1], nan[1:])
    assert (gap.different, gap.incomparable, gap.max_abs) == (1, 1, None)
    assert measure(nan[:1], nan[:1]).same


def test_what_is_not_finite_is_left_out_of_the_figures():
    gap = measure(np.float32([np.nan, 1, np.inf]), np.float32([0, 1.5, np.inf]))
    assert (gap.different, gap.incomparable, gap.max_abs, gap.first_index) == (2, 1, 0.5, (0,))


def test_tolerances():
    a, b = np.float64([1.0, 100.0]), np.float64([1.001, 100.1])
    assert measure(a, b, atol=0.01).different == 1
    assert measure(a, b, rtol=0.01).different == 0
    assert not measure(a, b, rtol=0.01).same
    assert measure(np.float64([np.nan]), np.float64([0.0]), atol=1e9).different == 1


def test_other_types():
    assert measure(np.float32([0.5, 2]), np.float64([0.5, 2])).same
    assert measure(np.float32([0.1]), np.float64([0.1])).max_ulp is None
    assert measure(np.int64([2**62, 1]), np.int64([2**62 + 1, 1])).first_index == (0,)
    assert measure(np.array([1j, 2]), np.array([1j, 3])).max_abs == 1
    assert measure(np.array([1 + 2j]), np.array([2 + 1j])).different == 1


def test_extremes_neither_overflow_nor_vanish():
    assert measure(np.float64([1e300, 0]), np.float64([0, 1e300])).l2 == pytest.approx(np.sqrt(2) * 1e300)
    assert measure(np.float64([1e-300]), np.float64([0])).l2 == 1e-300


def test_blocks_give_what_one_block_gives(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 5, 3)).astype(np.float32), rng.normal(size=(3, 5, 7)).astype(np.float32).T
    whole = measure(a, b)
    monkeypatch.setattr(comparison, "_BLOCK", 20)
    pieces = measure(a, b)
    assert pieces.l2 == pytest.approx(whole.l2)
    assert pieces.max_ulp == whole.max_ulp
    assert (pieces.different, pieces.max_abs, pieces.first_index) == (105, whole.max_abs, whole.first_index)
    assert whole.max_abs == np.abs(a.astype(np.float64) - b).max()
