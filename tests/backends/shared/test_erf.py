import math

import numpy as np
import pytest

from cnnkit.backends.shared.erf import erf

BOUND = {"float32": 3e-7, "float64": 1e-14}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_error_is_below_what_the_docstring_promises(dtype) -> None:
    x = np.concatenate([np.linspace(-7, 7, 40001), np.geomspace(1e-30, 1, 500), [-np.inf, np.inf, 0.0, 1e30]])
    x = x.astype(dtype)
    y = erf(np, x)
    assert y.dtype == dtype
    assert np.max(np.abs(y - [math.erf(v) for v in x])) <= BOUND[dtype]
    assert np.max(np.abs(y)) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_values_keep_their_relative_accuracy(dtype) -> None:
    x = np.geomspace(1e-30, 0.1, 200).astype(dtype)
    assert np.allclose(erf(np, x), [math.erf(v) for v in x], rtol=20 * np.finfo(dtype).eps, atol=0)


def test_it_is_odd_and_passes_nan_on() -> None:
    x = np.linspace(0, 5, 101)
    assert np.array_equal(erf(np, -x), -erf(np, x))
    assert np.isnan(erf(np, np.array([np.nan]))).all()


def test_against_scipy() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy comes with scikit-learn; it is not needed otherwise")
    x = np.random.default_rng(0).normal(scale=2, size=5000)
    assert np.max(np.abs(erf(np, x) - special.erf(x))) <= BOUND["float64"]
