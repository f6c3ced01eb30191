"""The tree of leaves: one shape for each number of leaves, and one sum whoever adds which of them."""

import functools
import itertools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.backends import leaf_tree
from cnnkit.backends.leaf_tree import TreeSum, add_in_pairs, cover


def bracket(left: str, right: str) -> str:
    return f"({left}{right})"


def write_tree(count: int) -> str:
    """The tree as a formula, by its definition: the left branch is the largest power of two below the number."""

    def write(leaves: str) -> str:
        powers = [2**k for k in range(20) if 2**k < len(leaves)]
        return bracket(write(leaves[: powers[-1]]), write(leaves[powers[-1] :])) if powers else leaves

    return write("".join(chr(ord("a") + i) for i in range(count)))


def test_some_trees() -> None:
    assert [write_tree(n) for n in (1, 2, 3, 5, 6)] == ["a", "(ab)", "((ab)c)", "(((ab)(cd))e)", "(((ab)(cd))(ef))"]
    assert cover(7, 1, 7) == [(1, 2), (2, 4), (4, 7)]
    assert cover(7, 3, 3) == []


@st.composite
def shared_out(draw: st.DrawFn) -> tuple[int, list[int]]:
    """(number of leaves, where each owner's range begins, and the number again)."""
    count = draw(st.integers(1, 40))
    cuts = draw(st.lists(st.integers(0, count), max_size=6))
    return count, [0, *sorted(cuts), count]


@given(shared_out(), st.randoms())
def test_one_tree_whoever_owns_which_leaves(shared, random) -> None:
    """Owners add what they can, in any order; what remains is `cover`, and their nodes add up to the whole tree."""
    count, cuts = shared
    whole = TreeSum[str](count, bracket)
    sent = []
    for first, stop in itertools.pairwise(cuts):
        own = TreeSum[str](count, bracket)
        for i in random.sample(range(first, stop), stop - first):
            own.add((i, i + 1), chr(ord("a") + i))
        assert sorted(own.nodes) == cover(count, first, stop)
        sent += own.nodes.items()
    random.shuffle(sent)
    for node, value in sent:
        whole.add(node, value)
    assert whole.whole == write_tree(count)


@given(st.integers(1, 300))
def test_few_sums_wait_where_leaves_come_in_order(count) -> None:
    total, most = TreeSum[int](count), 0
    for i in range(count):
        most = max(most, len(total.nodes) + 1)
        total.add((i, i + 1), i)
    assert most <= leaf_tree.count_waiting(count) <= np.log2(count) + 1
    assert total.whole == count * (count - 1) // 2


@given(shared_out(), st.integers(0, 2**32 - 1))
def test_bits_of_a_sum(shared, seed) -> None:
    count, cuts = shared
    values = list(np.random.default_rng(seed).normal(size=(count, 8)).astype("float32"))
    whole = TreeSum[np.ndarray](count)
    for first, stop in itertools.pairwise(cuts):
        own = TreeSum[np.ndarray](count)
        for i in range(first, stop):
            own.add((i, i + 1), values[i])
        for node, value in own.nodes.items():
            whole.add(node, value)
    assert whole.whole.tobytes() == add_in_pairs(values).tobytes()


def test_a_sum_in_the_order_of_workers_is_caught() -> None:
    """What all-reduce does: each worker adds its own leaves, then the workers are added. Its bits are others."""
    values = list(np.random.default_rng(0).normal(size=(8, 1000)).astype("float32"))
    wanted = add_in_pairs(values).tobytes()
    for workers in (1, 3, 4, 8):
        shares = np.array_split(np.arange(8), workers)
        sums = [functools.reduce(operator.add, (values[i] for i in share)) for share in shares]
        by_rank = functools.reduce(operator.add, sums)
        assert by_rank.tobytes() != wanted


def test_what_is_not_there_is_said() -> None:
    total = TreeSum[int](3)
    total.add((2, 3), 1)
    with pytest.raises(ValueError, match=r"of 3 leaves only those of \[\(2, 3\)\] are there"):
        _ = total.whole
    with pytest.raises(ValueError, match=r"a tree of 3 leaves has no node \(1, 3\)"):
        total.add((1, 3), 1)
