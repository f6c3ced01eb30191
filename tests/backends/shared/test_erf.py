import math

import numpy as np
import pytest

from cnnkit.backends.shared.erf import erf


def measure_ulps(x) -> float:
    """Return the largest distance from math.erf in units in the last place of the right value."""
    wanted = np.array([math.erf(v) for v in x]).astype(x.dtype)
    found = erf(np, x)
    assert found.dtype == x.dtype
    return float(np.max(np.abs(found - wanted) / np.spacing(np.abs(wanted))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_error_is_at_most_one_unit_in_the_last_place(dtype) -> None:
    rng = np.random.default_rng(0)
    for low, high in ((-7, 7), (0.8, 1.3), (-1.3, -0.8), (2, 4), (3.5, 6.5)):
        assert measure_ulps(rng.uniform(low, high, 20000).astype(dtype)) <= 1
    smallest = 1e-40 if dtype == "float32" else 1e-310
    assert measure_ulps(np.geomspace(smallest, 1, 2000).astype(dtype)) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_one_exactly_where_the_right_value_rounds_to_one(dtype) -> None:
    x = np.linspace(3.5, 6.5, 30001).astype(dtype)
    wanted = np.array([math.erf(v) for v in x]).astype(dtype)
    assert 1 < np.sum(wanted == 1) < len(x)
    assert np.array_equal(erf(np, x) == 1, wanted == 1)
    assert erf(np, np.array([np.inf, -np.inf, 1e30, -7.0], dtype)).tolist() == [1, -1, 1, -1]


def test_it_is_odd_never_exceeds_one_and_passes_nan_on() -> None:
    x = np.linspace(0, 8, 4001)
    assert np.array_equal(erf(np, -x), -erf(np, x))
    assert np.max(erf(np, x)) == 1
    assert math.copysign(1, erf(np, np.array([-0.0]))[0]) == -1
    assert np.isnan(erf(np, np.array([np.nan]))).all()


def test_against_scipy() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy comes with scikit-learn; it is not needed otherwise")
    x = np.random.default_rng(0).normal(scale=2, size=5000)
    assert np.max(np.abs(erf(np, x) - special.erf(x))) <= 2.3e-16
