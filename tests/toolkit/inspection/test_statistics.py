import hashlib
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnkit.exporters import Tensor
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import hash_blocks
from cnnkit.inspection import Statistics, statistics
from cnnkit.inspection.histogram import Histogram
from cnnkit.inspection.moments import Moments

MODULE = sys.modules[Statistics.__module__]  # of the name that the function has too


def look(array, **options):
    return statistics(Tensor.of("a.weight", np.asarray(array), **options))


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)
    )
)
def test_any_values(array):
    computed = look(array)
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    assert computed.count == array.size
    assert computed.nan == np.isnan(values).sum()
    assert computed.inf == np.isinf(values).sum()
    assert computed.zeros == (values == 0).sum()
    assert computed.sha256 == hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    assert (computed.min is None) == (finite.size == 0) == (computed.std is None)
    if computed.nan:
        assert np.isnan(array[computed.first_nan])
        assert not np.isnan(
            values.ravel()[: np.ravel_multi_index(computed.first_nan, array.shape)] if array.ndim else []
        ).any()
    if finite.size:
        assert (computed.min, computed.max) == (finite.min(), finite.max())
        largest = np.abs(finite).max() or 1.0
        step = np.nextafter(0.0, 1.0) / largest  # what a mean of the smallest numbers is rounded to
        assert computed.mean / largest == pytest.approx((finite / largest).mean(), abs=1e-12 + step)
        assert computed.std / largest == pytest.approx((finite / largest).std(), abs=1e-7)
        assert sum(computed.histogram.bars()) == finite.size


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_many_pieces_are_as_stable_as_one(monkeypatch, scale, offset):
    monkeypatch.setattr(MODULE, "_CACHED", 1000)
    values = (np.random.default_rng(0).normal(size=12_345) + offset) * scale
    values[5000:7000] *= 3
    computed = look(values)
    exact = (values / scale).astype(np.longdouble)
    assert computed.mean / scale == pytest.approx(float(exact.mean()), rel=1e-13, abs=1e-13)
    assert computed.std / scale == pytest.approx(float(exact.std()), rel=1e-9)


def test_zeros_do_not_hide_small_values():
    moments = Moments()
    moments.add(np.zeros(3))
    moments.add(np.array([1e-200, -1e-200]))
    assert moments.result() == (-1e-200, 1e-200, 0.0, pytest.approx(1e-200 * np.sqrt(0.4)))


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        (("o", "i", "kh", "kw"), (5, 3, 2, 2)),
        (("kh", "kw", "i", "o"), (2, 2, 3, 5)),
        (("in", "out"), (7, 4)),
        (("kh", "kw", "o", "i"), (2, 3, 4, 5)),
    ],
)
def test_norms_of_units_in_every_layout(monkeypatch, axes, shape):
    monkeypatch.setattr(MODULE, "_CACHED", 1)
    array = np.random.default_rng(1).normal(size=shape)
    computed = look(array, role="weight", axes=axes)
    axis = axes.index("o" if "o" in axes else "out")
    rows = np.moveaxis(array, axis, 0).reshape(shape[axis], -1)
    assert np.allclose(computed.norms, np.linalg.norm(rows, axis=1))


def test_norms_of_units_that_are_far_apart(monkeypatch):
    monkeypatch.setattr("cnnkit.inspection.units._LARGEST_PERIOD", 4)
    array = np.random.default_rng(1).normal(size=(3, 5, 2))
    computed = look(array, role="weight", axes=("i", "o", "k"))
    assert np.allclose(computed.norms, np.sqrt((array**2).sum((0, 2))))


@pytest.mark.parametrize("sizes", [[1] * 24, [7, 17], [5, 0, 19], [24]])
def test_pieces_of_any_length_change_nothing(monkeypatch, sizes):
    """A file yields what lies together in it; figures do not depend on where it cuts."""
    monkeypatch.setattr(MODULE, "_CACHED", 8)
    values = np.random.default_rng(2).normal(size=(4, 2, 3))
    whole = Tensor.of("w", values, role="weight", axes=("i", "o", "k"))

    def parts():
        yield from np.split(values.reshape(-1), np.cumsum(sizes)[:-1])

    cut = replace(whole, stream=lambda: hash_blocks(parts()))
    mine, its = statistics(cut), statistics(whole)
    assert mine == its
    assert mine.norms.tobytes() == its.norms.tobytes()
    assert cut.sha256() == mine.sha256 == whole.sha256()


def test_integers_are_exact():
    computed = look(np.array([2**53 + 1, -(2**62) - 1]))
    assert (computed.min, computed.max) == (-(2**62) - 1, 2**53 + 1)
    assert look(np.array([True, False, True])).mean == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
)
def test_types_that_numpy_lacks_against_torch(dtype):
    bits = np.arange(1 << 16).astype(np.uint16) if dtype == "bfloat16" else np.arange(256).astype(np.uint8)
    wanted = torch.from_numpy(bits.view(f"i{bits.itemsize}").copy()).view(getattr(torch, dtype)).float().numpy()
    computed = decode(bits, dtype)
    assert np.array_equal(computed, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(computed)[computed == 0], np.signbit(wanted)[wanted == 0])


def test_a_histogram_by_hand():
    computed = look(np.float32([4, 5, -1, 0.25, 0, 0, 1e-40])).histogram
    assert computed == Histogram({0: 1}, {2: 2, -2: 1, -127: 1}, 2)
    assert computed.bars(3) == [0, 0, 1, 4, 0, 0, 2]
    assert computed.sparkline() == "  ▃     █      ▃ ▆"[:3] + "     █   ▃ ▆"[:0] + computed.sparkline()[3:]


def test_sparklines_show_all_that_is_there():
    line = look(np.float32([1] * 1000 + [-1])).histogram.sparkline()
    assert (line[0], line[-1]) == ("▁", "█")
    assert look(np.float32([1, -1])).histogram.sparkline(ascii_only=True).isascii()
    assert look(np.zeros(0)).histogram.sparkline() == " " * 17


def test_complex_values_have_a_sum_alone():
    computed = look(np.array([1j, 2]))
    assert (computed.mean, computed.zeros, computed.count) == (None, None, 2)
    assert "complex" in computed.undefined()["mean"]
