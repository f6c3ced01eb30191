"""The times of inference, by a clock of the test."""

import itertools
import math

import numpy as np
import pytest

from cnnkit import layers as of
from cnnkit.errors import DataError
from cnnkit.layers import Sequential
from cnnkit.model import Model
from cnnkit.training.timing import time_inference


def make_clock(durations):
    """Return a clock that is read before and after each call, and says that it took the next of the durations."""
    now, durations = [0.0], itertools.cycle(durations)
    starts = itertools.cycle((True, False))

    def read():
        if not next(starts):
            now[0] += next(durations)
        return now[0]

    return read


def make(calls):
    model = Model(Sequential((of.Flatten(), of.Dense(2))), (1, 2, 2))
    outputs = model.outputs

    def count(x, batch_size=256):
        calls.append(len(x))
        return outputs(x, batch_size)

    model.outputs = count
    return model


def test_percentiles_are_of_what_was_measured_after_the_warm_up():
    calls = []
    durations = [number / 1000 for number in range(1, 101)]
    (found,) = time_inference(make(calls), np.ones((3, 1, 2, 2), "float32"), (4,), 5.05, make_clock(durations))
    assert (found.batch, found.calls) == (4, 100)
    assert calls == [4] * 103, "three calls to warm up, samples repeated"
    assert (found.median, found.p95, found.p99) == pytest.approx((50, 95, 99))
    assert found.samples_per_second == pytest.approx(80)
    assert found.to_json().keys() == {"batch", "calls", "median", "p95", "p99", "samples_per_second"}


def test_the_number_of_calls_is_bounded():
    calls = []
    x = np.ones((1, 1, 2, 2), "float32")
    slow, fast = (time_inference(make(calls), x, (1,), 1.0, make_clock([each]))[0] for each in (60.0, 0.0))
    assert (slow.calls, fast.calls) == (10, 2000)
    assert (slow.p99, fast.p99) == (60_000, 0)
    assert math.isinf(fast.samples_per_second)
    with pytest.raises(DataError, match="at least one sample"):
        time_inference(make(calls), x[:0])


def test_a_real_clock():
    rows = time_inference(make([]), np.ones((1, 1, 2, 2), "float32"), (1, 8), 0.01)
    assert [row.batch for row in rows] == [1, 8]
    assert all(0 < row.median <= row.p95 <= row.p99 for row in rows)
