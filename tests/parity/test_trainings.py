"""The parity contract for trainings: every recipe, shuffled, on the backends that run everywhere.

The small ones 100 steps, the others the 20 of a quick run, three epochs: `make parity` runs 100 steps of all.
"""

import pytest

from cnnkit import parity, recipes
from cnnkit.parity import trainings

BACKENDS = ["numpy", "torch", "reference"]
WHOLE = ("bright-dark", "diy-cnn", "numpy-mlp", "scratch-mlp")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", recipes.with_data())
def test_every_recipe_gives_the_same_weights_on_every_backend(recipe) -> None:
    report = parity.run(BACKENDS, parity.Settings(recipes=(recipe,), filter="training *", quick=recipe not in WHOLE))
    assert report.failures == []
    assert {(row.backend, row.against, row.dtype) for row in report.rows} == {
        (a, b, dtype)
        for a, b in (("numpy", "reference"), ("torch", "reference"), ("numpy", "torch"))
        for dtype in ("float32", "float64")
    }
    assert all(row.cases == (100 if recipe in WHOLE else 20) for row in report.rows)
    assert all(row.bound == 1e-7 for row in report.rows if row.dtype == "float64")
    (table,) = trainings.told(report.trainings)
    assert len(table.rows) == 6
