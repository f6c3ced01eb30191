"""Every primitive, layer, loss and optimizer of the parity suite has the same bits on all backends."""

import itertools
from typing import Any

import numpy as np
import pytest

from cnnkit.backends import get_backend
from cnnkit.parity.check import Arena, Check
from cnnkit.parity.engine import attempt
from cnnkit.parity.suite import CHECKS

MOST_CASES = 12  # of a check
ARENAS = [Arena(get_backend(name, numerics="exact"), "float32") for name in ("numpy", "torch", "cupy-sim")]


def find_unequal(check: Check, arenas: list[Arena]) -> list[str]:
    """Return the results that differ in a bit, or that a backend does not give."""
    unequal = []
    for case in itertools.islice(check.cases(1, 0), MOST_CASES):
        first, *others = [attempt(arena, case) for arena in arenas]
        assert first.results is not None, first.problem
        for other in others:
            assert other.results is not None, other.problem
            unequal += [
                f"{case.label}: {name}" for name in first.results if not equal(first.results[name], other.results[name])
            ]
    return unequal


def equal(x: Any, y: Any) -> bool:
    x, y = np.asarray(x), np.asarray(y)
    return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_the_bits_are_the_same(check: Check) -> None:
    assert find_unequal(check, ARENAS) == []


def test_plain_numerics_would_be_caught() -> None:
    plain = [Arena(get_backend(name), "float32") for name in ("numpy", "torch")]
    unequal = [check.name for check in CHECKS if check.name.startswith("layer Conv2D") and find_unequal(check, plain)]
    assert unequal
