"""exp, log, log1p, tanh, erf and powers against mpmath, over all exponents; the same bits on every backend."""

import mpmath
import numpy as np
import pytest

from cnnkit.backends.exact import functions, tables
from cnnkit.backends.registry import get_backend

BACKEND = get_backend("numpy", threads=1, numerics="exact")
KNOWN = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p, "tanh": mpmath.tanh,
    "erf": mpmath.erf,
}  # fmt: skip
ERROR = 2.0**-44  # relative, as stated


def draw_all_exponents(seed: int = 0) -> np.ndarray:
    """Return float32 of both signs: three of each exponent, and many of those that networks have."""
    rng = np.random.default_rng(seed)
    words = (np.arange(1, 255).repeat(3) << 23) | rng.integers(0, 1 << 23, 254 * 3)
    subnormal = rng.integers(1, 1 << 23, 9)
    wide = np.concatenate([words, subnormal]).astype(np.uint32).view(np.float32)
    near = np.concatenate([rng.normal(0, 2, 400), rng.uniform(-105, 90, 200), 1 + rng.normal(0, 1e-3, 200)])
    return np.concatenate([wide, -wide, near.astype(np.float32)])


def compute(name: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(getattr(functions, name)(BACKEND, x.astype(np.float64)))


@pytest.mark.parametrize("name", KNOWN)
def test_relative_error_over_all_exponents(name) -> None:
    x = draw_all_exponents()
    x = x[{"log": x > 0, "log1p": x > -1}.get(name, np.isfinite(x))]
    if name in ("exp", "expm1"):
        x = x[(x > functions.LEAST_EXPONENT) & (x < functions.MOST_EXPONENT)]
    if name == "erf":
        x = x[np.abs(x) < 4]
    found = compute(name, x)
    with mpmath.workprec(160):
        for value, got in zip(x.tolist(), found.tolist(), strict=True):
            known = KNOWN[name](mpmath.mpf(value))
            assert abs(mpmath.mpf(got) - known) <= ERROR * abs(known), value
            if 1e-37 < abs(known) < 3e38:
                assert np.float32(mpmath.nstr(known, 30)) == np.float32(got), value  # correctly rounded


def test_powers() -> None:
    x = np.abs(draw_all_exponents()[::7])
    with mpmath.workprec(160):
        for exponent in (0.5, -0.75, 2.2, 1e-3, -3.5):
            known = [mpmath.mpf(value) ** mpmath.mpf(exponent) for value in x.tolist()]
            with np.errstate(all="ignore"):
                found = functions.power(BACKEND, x.astype(np.float64), exponent)
            for value, got, right in zip(x.tolist(), found.tolist(), known, strict=True):
                if 1e-44 < right < 3e38:
                    assert abs(got - right) <= 2**-42 * right, (value, exponent)


@pytest.mark.parametrize(
    ("name", "wanted"),
    {
        "exp": [1, np.inf, 0, np.nan, np.inf, 0],
        "log": [-np.inf, np.inf, np.nan, np.nan, np.log(200.0), np.nan],
        "log1p": [0, np.inf, np.nan, np.nan, np.log1p(200.0), np.nan],
        "tanh": [0, 1, -1, np.nan, 1, -1],
        "erf": [0, 1, -1, np.nan, 1, -1],
    }.items(),
)
def test_edges(name, wanted) -> None:
    x = np.array([0, np.inf, -np.inf, np.nan, 200, -200], np.float32)
    with np.errstate(all="ignore"):
        found = np.asarray(getattr(BACKEND, name)(x))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(wanted, np.float32))
    with np.errstate(all="ignore"):
        assert np.asarray(BACKEND.log1p(np.array([-1, -2], np.float32))).tolist()[0] == -np.inf


@pytest.mark.parametrize("other", ["torch", "cupy-sim"])
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "tanh", "erf", "sqrt"])
def test_backends_have_the_same_bits(name, other) -> None:
    x = draw_all_exponents(1)
    against = get_backend(other, numerics="exact")
    with np.errstate(all="ignore"):
        one = np.asarray(getattr(BACKEND, name)(x))
        two = against.to_numpy(getattr(against, name)(against.asarray(x)))
    number = ~np.isnan(one)
    np.testing.assert_array_equal(one[number].view(np.uint32), two[number].view(np.uint32))
    np.testing.assert_array_equal(number, ~np.isnan(two))


def test_tables_are_those_of_mpmath() -> None:
    with mpmath.workprec(200):
        high, low = tables.halves_of_ln2(1, 40)
        assert abs(mpmath.log(2) - high - mpmath.mpf(low)) < 2**-92
        for j, value in enumerate(tables.powers_of_two().tolist()):
            assert value == float(mpmath.mpf(2) ** (mpmath.mpf(j) / 64))
        for c, value in zip(tables.reciprocals().tolist(), tables.logs_of_reciprocals().tolist(), strict=True):
            assert value == float(-mpmath.log(c))
        for i in (0, 1, 33, 64):
            known = mpmath.taylor(mpmath.erf, mpmath.mpf(i) / 16, tables.ERF_DEGREE)
            found = [column[i] for column in tables.erf_coefficients()]
            assert max(abs(a - b) for a, b in zip(found, known, strict=True)) < 2**-53
