"""The short form of every trial of `make torture`."""

import pytest
from torture.__main__ import has_need
from torture.trial import Budget
from torture.trials import load_trials


@pytest.mark.parametrize("trial", load_trials(), ids=lambda trial: trial.name)
def test_the_short_form_finds_no_fault(trial, tmp_path):
    missing = [need for need in trial.needs if not has_need(need)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not here")
    found = trial.run(Budget(60.0, trial.short, tmp_path))
    assert found.faults == []
    assert found.attempts > 0
