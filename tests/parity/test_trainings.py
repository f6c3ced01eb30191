"""The parity contract for trainings: every recipe, 100 steps, shuffled, on all backends that run here."""

import pytest

from cnnkit import parity, recipes
from cnnkit.parity import trainings

BACKENDS = ["numpy", "torch", "reference"]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", recipes.with_data())
def test_every_recipe_gives_the_same_weights_on_every_backend(recipe) -> None:
    report = parity.run(BACKENDS, parity.Settings(recipes=(recipe,), filter="training *"))
    assert report.failures == []
    assert {(row.backend, row.against, row.dtype) for row in report.rows} == {
        (a, b, dtype)
        for a, b in (("numpy", "reference"), ("torch", "reference"), ("numpy", "torch"))
        for dtype in ("float32", "float64")
    }
    assert all(row.cases == 100 for row in report.rows)
    assert all(row.bound == 1e-7 for row in report.rows if row.dtype == "float64")
    (table,) = trainings.told(report.trainings)
    assert len(table.rows) == 6
