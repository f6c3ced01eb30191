"""The checks of primitives, run on many backends in turn."""

import functools
from dataclasses import replace

import pytest

from cnnkit.backends.reference.reference_backend import ReferenceBackend
from cnnkit.parity.engine import make_rows, measure
from cnnkit.parity.primitives import PRIMITIVES


def once_on_the_reference(run):
    """Return a case's `run` that keeps what the reference gave."""
    kept = {}

    def remember(arena):
        if type(arena.backend) is not ReferenceBackend:
            return run(arena)
        if arena.dtype not in kept:
            kept[arena.dtype] = run(arena)
        return kept[arena.dtype]

    return remember


@functools.cache
def make_cases(member, draws):
    return tuple(replace(case, run=once_on_the_reference(case.run)) for case in PRIMITIVES[member].cases(draws, 0))


@pytest.fixture(scope="session")
def run_primitive():
    """`run_check` of a primitive, whose cases are drawn, and computed by the reference, once for all backends."""

    def run(member, draws, arenas):
        oracle = ReferenceBackend()
        return make_rows(PRIMITIVES[member], measure(make_cases(member, draws), arenas, oracle), arenas, oracle)

    return run
