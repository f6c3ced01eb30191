"""The parity suite's trainings of several workers: equal bits pass, an ordinary all-reduce is named."""

import functools

import numpy as np
import pytest

from cnnkit import parity
from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.registry import get_backend
from cnnkit.errors import ConfigError
from cnnkit.parity import workers

NUMPY = get_backend("numpy", threads=1)


def join_by_rank(backends, work):
    """Run a group that adds up local sums in the order of ranks, as an all-reduce does."""

    def run(group):
        def reduce(nodes, _, like):
            local = functools.reduce(np.add, nodes.values(), np.zeros_like(like))
            return functools.reduce(np.add, group.all_gather(local))

        group.reduce_leaves = reduce
        return work(group)

    return run_in_threads(backends, run)


@pytest.mark.parametrize("case", workers.CASES, ids=lambda case: case.name)
def test_plain_and_exact_bits_are_equal(case):
    for numerics in workers.NUMERICS:
        for row in workers.make_rows(NUMPY, case, numerics, (1, 3)):
            assert row.passed, row
            assert row.cases >= 2


def test_an_all_reduce_in_the_order_of_ranks_is_named():
    rows = workers.make_rows(NUMPY, workers.CASES[0], "plain", (1, 3), join_by_rank)
    assert [row.passed for row in rows] == [True, False]  # one worker alone adds up by the tree
    assert "after update 1: the bits of " in rows[1].problem
    assert "on worker 1 of 3" in rows[1].problem
    assert rows[1].worst == "3 workers"
    assert 0 < rows[1].error < 1e-4


def test_exact_numerics_do_not_mind_the_order():
    """Their shares are whole multiples of one quantum."""
    assert all(row.passed for row in workers.make_rows(NUMPY, workers.CASES[0], "exact", (3,), join_by_rank))


def test_a_worker_that_fails_is_a_failed_row():
    def fail(_):
        raise ValueError("no network")

    rows = workers.make_rows(NUMPY, workers.CASES[0], "plain", (2,), lambda backends, _: run_in_threads(backends, fail))
    assert [row.problem for row in rows] == ["raised ValueError: no network"]


def test_workers_alone_are_asked_for():
    settings = parity.Settings(workers=(2,))
    assert settings.wants("workers", "workers convolution")
    assert not settings.wants("forward", "convolve")
    with pytest.raises(ConfigError, match="expected 1 to 64, got 65"):
        parity.Settings(workers=(65,))


def test_workers_whose_samples_lie_on_a_device_pick_them_there():
    (row,) = workers.make_rows(get_backend("cupy-sim", threads=1), workers.CASES[0], "plain", (3,))
    assert row.passed, row
