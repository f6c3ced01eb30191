"""A group of threads under Hypothesis: any workers that own any contiguous leaves get the bits of the one tree."""

import functools
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.leaf_tree import add_in_pairs, cover
from cnnkit.backends.registry import get_backend
from cnnkit.errors import GroupError

NUMPY = get_backend("numpy")


@st.composite
def ownership(draw):
    """The leaves (first, stop) of 1 to 9 ranks that own 1 to 20 leaves, any of them none."""
    leaves, size = draw(st.integers(1, 20)), draw(st.integers(1, 9))
    cuts = sorted(draw(st.lists(st.integers(0, leaves), min_size=size - 1, max_size=size - 1)))
    return list(zip([0, *cuts], [*cuts, leaves], strict=True))


def leaf_values(count, length, dtype="float32"):
    """Values so unlike that another order of their sum has other bits."""
    generator = np.random.default_rng(7)
    exponents = generator.integers(-12, 12, (count, length))
    return list((generator.standard_normal((count, length)) * 2.0**exponents).astype(dtype))


def equal_shares(leaves, size):
    cuts = [leaves * k // size for k in range(size + 1)]
    return list(pairwise(cuts))


def reduce_by_tree(group, values, owned):
    own = cover(len(values), *owned[group.rank])
    nodes = {node: add_in_pairs(values[node[0] : node[1]]) for node in own}
    return group.reduce_leaves(nodes, [[own] for own in owned], values[0])


def reduce_by_rank(group, values, owned):
    """What cnnkit must not do: local sums, then their sum in the order of ranks."""
    first, stop = owned[group.rank]
    local = sum(values[first:stop], np.zeros_like(values[0]))
    return functools.reduce(np.add, group.all_gather(local))


@given(ownership(), st.integers(0, 11), st.sampled_from(["float16", "float32", "float64"]))
def test_any_workers_that_own_any_leaves_get_the_bits_of_the_tree(owned, length, dtype):
    values = leaf_values(owned[-1][1], length, dtype)
    expected = add_in_pairs(values)
    for result in run_in_threads([NUMPY] * len(owned), lambda group: reduce_by_tree(group, values, owned)):
        assert result.dtype == dtype
        assert np.array_equal(result, expected)


def test_a_sum_in_the_order_of_ranks_is_caught():
    values = leaf_values(8, 200)

    def results(reduce):
        runs = [
            run_in_threads([NUMPY] * size, lambda group, n=size: reduce(group, values, equal_shares(8, n)))
            for size in (1, 2, 3, 4, 7)
        ]
        return {result.tobytes() for run in runs for result in run}

    assert results(reduce_by_tree) == {add_in_pairs(values).tobytes()}
    assert len(results(reduce_by_rank)) == 5


@pytest.mark.parametrize(
    ("size", "leaves", "rings"),
    [(2, 8, 1), (4, 8, 1), (8, 8, 1), (8, 16, 1), (3, 8, 1.5), (3, 16, 2), (7, 8, 1), (7, 16, 1.5)],
    ids=lambda value: f"{value:g}",
)
def test_workers_send_what_a_ring_sends(size, leaves, rings):
    """Each further node of a worker costs half of a ring's bytes again; the worker that sends most is told here."""
    values, owned = leaf_values(leaves, 840), equal_shares(leaves, size)

    def sent(group):
        reduce_by_tree(group, values, owned)
        return group.sent_bytes

    ring = 2 * (size - 1) / size * 840 * 4
    assert max(run_in_threads([NUMPY] * size, sent)) == rings * ring


def test_arrays_bytes_and_json_come_from_every_rank():
    def work(group):
        k = group.rank
        arrays = [np.full((2, 3), k, dtype) for dtype in ("int64", "float16", "float32", "float64", "bool")]
        for x in arrays:
            gathered = group.all_gather(x)
            assert [y.dtype for y in gathered] == [x.dtype] * 3
            assert np.array_equal(np.stack(gathered), np.stack([np.full((2, 3), i, x.dtype) for i in range(3)]))
        assert group.all_gather_bytes(b"x" * k) == [b"", b"x", b"xx"]
        assert group.all_gather_json({"rank": k, "é": None}) == [{"rank": i, "é": None} for i in range(3)]
        assert group.all_gather(np.float32(k).reshape(()))[2] == 2
        assert group.broadcast_bytes(b"x" * k, root=1) == b"x"
        group.barrier()
        return group.broadcast(np.arange(4) * k, root=2).tolist()

    assert run_in_threads([NUMPY] * 3, work) == [[0, 2, 4, 6]] * 3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "int64"])
def test_arrays_of_a_backend_come_back_as_its_own(dtype):
    backend = get_backend("torch")

    def work(group):
        x = backend.asarray(np.array([[1.0, 2.0]]) * (group.rank + 1), dtype)
        gathered = group.all_gather(x)
        total = group.reduce_leaves({(group.rank, group.rank + 1): x.reshape((-1,))}, [[(0, 1)], [(1, 2)]], x)
        return [(y.dtype, y.tolist()) for y in (*gathered, total)]

    kind = getattr(torch, dtype)
    expected = [(kind, [[1, 2]]), (kind, [[2, 4]]), (kind, [3, 6])]
    assert run_in_threads([backend] * 2, work) == [expected, expected]


def test_a_silent_worker_is_named_within_the_limit():
    release = threading.Event()

    def work(group):
        if group.rank == 1:
            release.wait(20)
        try:
            group.all_gather(np.zeros(3))
        finally:
            release.set()

    start = time.monotonic()
    with pytest.raises(GroupError, match=r"^worker 2 of 3 \(rank 1\): no answer for 0.3 s: .*CNNKIT_GROUP_SECONDS"):
        run_in_threads([NUMPY] * 3, work, seconds=0.3)
    assert time.monotonic() - start < 10


def test_a_group_that_has_failed_fails_at_once():
    def work(group):
        if group.rank == 1:
            time.sleep(0.5)
            return
        with pytest.raises(GroupError, match="worker 2 of 2"):
            group.barrier(seconds=0.1)
        start = time.monotonic()
        with pytest.raises(GroupError, match="worker 2 of 2"):
            group.all_gather(np.zeros(1))
        assert time.monotonic() - start < 5
        raise KeyError("as expected")

    with pytest.raises(KeyError, match="as expected"):
        run_in_threads([NUMPY] * 2, work)


def test_a_slow_worker_within_the_limit_is_waited_for():
    def work(group):
        time.sleep(0.2 * group.rank)
        return len(group.all_gather(np.zeros(1)))

    assert run_in_threads([NUMPY] * 2, work, seconds=30) == [2, 2]


def test_the_error_of_one_worker_stops_the_others():
    def work(group):
        if group.rank == 0:
            raise ValueError("broken")
        group.barrier()

    start = time.monotonic()
    with pytest.raises(ValueError, match="broken"):
        run_in_threads([NUMPY] * 3, work)
    assert time.monotonic() - start < 10
