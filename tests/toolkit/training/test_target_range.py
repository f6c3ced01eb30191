"""Targets of numbers that a loss cannot be compared with, said before the first batch."""

import numpy as np
import pytest

from cnnkit import Model, Sequential
from cnnkit.data import from_arrays
from cnnkit.errors import DataError
from cnnkit.layers import Dense

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        ("poisson", [0.5, 2, -1.5, 3, 4, 5], "loss poisson: expected targets >= 0, got -1.5"),
        (
            "binary_cross_entropy",
            [0, 0.5, 1, 1, 1, 2.5],
            "expected targets of 0 to 1, got 2.5",
        ),
    ],
    ids=["poisson", "binary"],
)
def test_numbers_beyond_the_range_are_refused(loss, targets, message) -> None:
    column = np.array(targets, np.float32)[:, None]
    model = Model(Sequential([Dense(1)]), (2,), loss=loss)
    with pytest.raises(DataError, match=message):
        model.fit(from_arrays(ROWS, column, image_shape=(2,), kind="numbers"), epochs=1)


@pytest.mark.parametrize("loss", ["poisson", "binary_cross_entropy", "binary_focal"])
def test_the_ends_of_the_range_are_taken(loss) -> None:
    column = np.array([0, 0.5, 1, 1, 0, 0], np.float32)[:, None]
    history = Model(Sequential([Dense(1)]), (2,), loss=loss).fit(
        from_arrays(ROWS, column, image_shape=(2,), kind="numbers"), epochs=1
    )
    assert np.isfinite(history[-1]["loss"])
