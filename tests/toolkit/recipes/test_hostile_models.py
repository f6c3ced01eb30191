"""Model files that are wrong, or ask for more than there is: a line about each, and quickly."""

import time

import pytest
from hostile.models import CASES

from cnnkit import recipes
from cnnkit.errors import CnnkitError
from cnnkit.summary import summarise


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_model_is_summarised_or_refused_in_one_line(case, tmp_path) -> None:
    path = tmp_path / case.name
    case.write(path)
    started, problem = time.monotonic(), None
    try:
        assert summarise(*recipes.read(path).network()).parameters >= 0
    except CnnkitError as error:
        problem = str(error)
    assert time.monotonic() - started < 60  # seconds on a busy machine; the silent pipe takes 4
    assert (0 if problem is None else 2) in case.statuses
    if problem is not None:
        assert case.name in problem
        assert "\n" not in problem
        assert problem.isprintable()
        assert len(problem) < 1200


def test_there_are_many() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 160
