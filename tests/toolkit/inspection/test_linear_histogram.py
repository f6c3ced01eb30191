"""Every finite value is in one bin between round numbers, as NumPy counts."""

import numpy as np
import pytest

from cnnkit.exporters import Tensor
from cnnkit.inspection.linear_histogram import LinearHistogram, count_linear, round_up
from cnnkit.inspection.report.histograms import draw_linear, draw_small_linear


def count(values: np.ndarray) -> LinearHistogram:
    finite = values[np.isfinite(values)]
    counted = count_linear(Tensor.of("a", values), float(finite.min()), float(finite.max()))
    assert counted is not None
    return counted


@pytest.mark.parametrize("scale", [1e-30, 0.02, 1.0, 300.0, 1e30])
@pytest.mark.parametrize("shift", [-3.0, 0.0, 0.4, 10.0])
def test_the_counts_are_those_of_numpy(scale: float, shift: float) -> None:
    values = (np.random.default_rng(0).normal(shift, 1.0, 5000) * scale).astype(np.float32)
    counted = count(values)
    edges = np.array([counted.edge(place) for place in range(len(counted.counts) + 1)])
    expected = np.histogram(values.astype(np.float64), edges)[0]
    assert sum(counted.counts) == 5000
    assert np.abs(expected - counted.counts).sum() <= 2, "a value on an edge may round to either side"
    assert 20 <= len(counted.counts) <= 42
    assert counted.step == pytest.approx(round_up(counted.step)), "a round width"
    assert counted.first >= 0 or counted.first + len(counted.counts) <= 0 or 0.0 in edges


def test_what_is_not_finite_is_not_counted() -> None:
    assert sum(count(np.array([1.0, 2.0, np.nan, np.inf, -np.inf])).counts) == 2


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (np.array([3, 3, 4, 6]), (2, 1, 0, 1)),
        (np.array([True, False, True]), (1, 2)),
        (np.array([5.0, 5.0]), (2,)),
        (np.array([-7]), (1,)),
        (np.zeros(3), (3,)),
    ],
)
def test_few_values(values: np.ndarray, counts: tuple[int, ...]) -> None:
    assert count(values).counts == counts


@pytest.mark.parametrize("values", [np.array([-1.7e308, 1.7e308]), np.array([1.0, 1.0 + 2e-16]), np.array([5e-324])])
def test_bins_that_float64_cannot_tell_apart(values: np.ndarray) -> None:
    assert count_linear(Tensor.of("a", values), float(values.min()), float(values.max())) is None


def test_the_axis_names_round_values_and_counts() -> None:
    drawn = draw_linear(LinearHistogram(-2, 0.5, (7, 0, 12)))
    assert all(f">{edge}</text>" in drawn for edge in ("-1", "-0.5", "0", "0.5"))
    assert all(f">{number}</text>" in drawn for number in (0, 5, 10, 15))
    assert "<title>-1 to -0.5: 7</title>" in drawn
    assert drawn.count('class="n"') == 2
    assert draw_small_linear(LinearHistogram(0, 1.0, (0, 4))).count("<rect") == 1
