"""The parity contract of half precision: layers within roundings of their type, trainings within what an ulp does."""

import pytest

from cnnkit import parity
from cnnkit.errors import ConfigError
from cnnkit.parity.bounds import HALF_ULP_FACTOR, ROUNDINGS, bound
from cnnkit.parity.layers import LAYERS
from cnnkit.precision import EPSILON, HALF

BACKENDS = ["torch", "cupy-sim"]


def test_every_layer_keeps_its_bound_on_every_backend() -> None:
    report = parity.run(BACKENDS, parity.Settings(dtypes=HALF, filter="half precision"))
    assert report.failures == []
    assert {row.name for row in report.rows} == {f"half layer {name}" for name in LAYERS}
    assert {(row.backend, row.against, row.dtype) for row in report.rows} == {
        (a, b, dtype)
        for a, b in (("torch", "reference"), ("cupy-sim", "reference"), ("torch", "cupy-sim"))
        for dtype in HALF
    }
    assert all(row.bound == ROUNDINGS * EPSILON[row.dtype] for row in report.rows)
    assert max(row.error / EPSILON[row.dtype] for row in report.rows) > 0.5  # it does compute in 16 bits


@pytest.mark.parametrize("dtype", HALF)
def test_a_training_stays_as_near_as_one_moved_by_an_ulp(dtype) -> None:
    settings = parity.Settings(dtypes=(dtype,), recipes=("digits-cnn",), filter="training *", quick=True)
    report = parity.run(BACKENDS, settings)
    assert report.failures == []
    assert len(report.trainings) == 3
    for training in report.trainings:
        assert training.bound == HALF_ULP_FACTOR * training.nudged
        assert training.error > 1e-4


def test_the_bounds_are_those_of_the_page() -> None:
    assert bound("forward", "bfloat16") == 4 * 2.0**-8
    assert bound("gradient", "float16") == 4 * 2.0**-11
    assert bound("exact", "bfloat16") == 0


def test_a_backend_that_does_not_compute_in_the_type_is_said() -> None:
    with pytest.raises(ConfigError, match="numpy: expected a backend that computes in bfloat16: name torch or cupy"):
        parity.run(["numpy"], parity.Settings(dtypes=("bfloat16",)))
