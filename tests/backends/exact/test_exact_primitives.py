"""Exact numerics: the same bits on every backend, and what integers say about the operands' grids."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnnkit.backends import get_backend, registry
from cnnkit.backends.shared.windows import output_sizes
from cnnkit.errors import BackendUnavailableError, ConfigError

BACKENDS = [get_backend(name, numerics="exact") for name in ("numpy", "torch", "cupy-sim")]
REFERENCE = get_backend("reference")
WINDOWS = {
    "tiled": ((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    "overlapping": ((3, 2), (1, 2), ((1, 1), (0, 1)), (1, 1)),
    "dilated": ((3, 3), (2, 1), ((2, 1), (1, 2)), (2, 1)),
}


def draw(*shape: int) -> Any:
    """Return numbers of very different sizes."""
    rng = np.random.default_rng(sum(shape))
    return (rng.standard_normal(shape) * np.exp(3 * rng.standard_normal(shape))).astype(np.float32)


X, WEIGHT = draw(5, 6, 9, 7), draw(8, 3, 3, 2)
GEOMETRY = (2, 2), ((1, 2), (1, 1)), (1, 1), 2
DY = draw(5, 8, *output_sizes(X.shape, WEIGHT.shape[2:], *GEOMETRY[:3]))


def pool(backend: Any, kind: str) -> tuple[Any, ...]:
    window = WINDOWS[kind]
    dy, inside = backend.asarray(draw(5, 6, *output_sizes(X.shape, *window))), ((0, 0), (0, 0))
    y, saved = backend.max_pool(backend.asarray(X), *window)
    return (
        y,
        backend.max_pool_gradient(dy, saved, X.shape, *window),
        backend.average_pool(backend.asarray(X), *window, inside),
        backend.average_pool_gradient(dy, X.shape, *window, inside),
        backend.average_pool(backend.asarray(X), *window, window[2]),
    )


CASES = {
    "convolve": lambda b: (b.convolve(b.asarray(X), b.asarray(WEIGHT), *GEOMETRY),),
    "convolve signals": lambda b: (
        b.convolve(b.asarray(draw(2, 3, 15)), b.asarray(draw(4, 3, 3)), (2,), ((0, 1),), (2,), 1),
    ),
    "convolve volumes": lambda b: (
        b.convolve(
            b.asarray(draw(2, 3, 5, 4, 6)), b.asarray(draw(4, 3, 2, 2, 2)), (1,) * 3, ((0, 0),) * 3, (1,) * 3, 1
        ),
    ),
    "input gradient": lambda b: (b.convolve_input_gradient(b.asarray(DY), b.asarray(WEIGHT), X.shape, *GEOMETRY),),
    "weight gradient": lambda b: (b.convolve_weight_gradient(b.asarray(DY), b.asarray(X), WEIGHT.shape, *GEOMETRY),),
    "matmul": lambda b: (b.matmul(b.asarray(draw(2, 7, 33)), b.asarray(draw(33, 5))),),
    "matmul of vectors": lambda b: (
        b.matmul(b.asarray(draw(33)), b.asarray(draw(33, 5))),
        b.matmul(b.asarray(draw(7, 33)), b.asarray(draw(33))),
    ),
    "dense weight gradient": lambda b: (b.dense_weight_gradient(b.asarray(draw(7, 5)), b.asarray(draw(7, 9))),),
    "sum": lambda b: tuple(b.sum(b.asarray(X), axis) for axis in (None, 0, (0, 2), -1, (1, 2, 3))),
    "mean": lambda b: tuple(b.mean(b.asarray(X), axis, True) for axis in (None, 0, (0, 2), -1, (1, 2, 3))),
    "sum of samples": lambda b: (b.sum_samples(b.asarray(X), (0, 2, 3)),),
    "bias gradient": lambda b: b.add_bias_gradient(b.asarray(DY), b.asarray(draw(*DY.shape)), relu=True),
    **{f"pooling, {kind}": lambda b, kind=kind: pool(b, kind) for kind in WINDOWS},
}


def compute(backend: Any, case: str) -> list[Any]:
    return [np.asarray(backend.to_numpy(result)) for result in CASES[case](backend)]


@pytest.mark.parametrize("case", CASES)
def test_all_backends_give_the_same_bits(case: str) -> None:
    first, *others = [compute(backend, case) for backend in BACKENDS]
    for other in others:
        for one, same in zip(first, other, strict=True):
            assert one.dtype == same.dtype
            assert np.array_equal(one, same)


@pytest.mark.parametrize("case", CASES)
def test_the_error_is_that_of_float32(case: str) -> None:
    for one, right in zip(compute(BACKENDS[0], case), compute(REFERENCE, case), strict=True):
        assert np.abs(one - right).max() <= 1e-5 * np.abs(right).max()


def test_a_product_is_that_of_the_fractions_on_the_grids() -> None:
    """Row and column on grids of 24 and 25 bits: 53 = 24 + 25 + log2(16), with numbers by Python's own arithmetic."""
    x, y = draw(3, 16), draw(16, 2)

    def on_grid(values: Any, bits: int) -> list[Fraction]:
        largest = max(abs(Fraction(float(v))) for v in values)
        quantum = Fraction(2) ** -200
        while quantum * 2**bits <= largest:
            quantum *= 2
        return [round(Fraction(float(v)) / quantum) * quantum for v in values]  # half to even, as IEEE

    wanted = [
        [sum(a * b for a, b in zip(on_grid(row, 24), on_grid(column, 25), strict=True)) for column in y.T] for row in x
    ]
    for backend in BACKENDS:
        got = backend.to_numpy(backend.matmul(backend.asarray(x), backend.asarray(y)))
        assert [[np.float32(float(v)) for v in row] for row in wanted] == got.tolist()


@pytest.mark.parametrize(
    "case", ["convolve", "input gradient", "weight gradient", "matmul", "matmul of vectors", "dense weight gradient"]
)
def test_fine_products_are_right_to_float32_and_the_same_everywhere(case: str) -> None:
    first, *others = [
        compute(get_backend(name, numerics="exact-fine"), case) for name in ("numpy", "torch", "cupy-sim")
    ]
    for other in others:
        assert all(np.array_equal(one, same) for one, same in zip(first, other, strict=True))
    for one, right in zip(first, compute(REFERENCE, case), strict=True):
        assert np.abs(one - right).max() <= 6.1e-8 * np.abs(right).max()  # half a unit of the last place


def test_what_is_not_finite_shows() -> None:
    x = draw(3, 16)
    x[1, 5] = np.inf
    for backend in BACKENDS:
        y = backend.to_numpy(backend.matmul(backend.asarray(x), backend.asarray(draw(16, 2))))
        assert np.isnan(y[1]).all()
        assert np.isfinite(y[[0, 2]]).all()


def test_small_numbers_and_zeros_stay_what_they_are() -> None:
    x = np.array([[2.0**-149, 0.0], [2.0**-140, 2.0**-149], [0.0, -0.0]], np.float32)
    for backend in BACKENDS:
        assert backend.to_numpy(backend.sum(backend.asarray(x), 1)).tolist() == [2.0**-149, 2.0**-140 + 2.0**-149, 0.0]


def test_a_backend_without_exact_numerics_is_refused(monkeypatch) -> None:
    monkeypatch.delitem(registry._EXACT, "reference")
    with pytest.raises(BackendUnavailableError, match="backend reference: has no exact numerics: use one of numpy"):
        get_backend("reference", numerics="exact")
    with pytest.raises(ConfigError, match="numerics: expected one of plain, exact, exact-fine, got 'precise'"):
        get_backend("numpy", numerics="precise")
