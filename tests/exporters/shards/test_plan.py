"""Which tensor goes into which shard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.shards.plan import plan_shards


def make(sizes):
    return {str(index): Tensor.of(str(index), np.zeros(size, np.uint8)) for index, size in enumerate(sizes)}


def test_by_hand():
    assert plan_shards(make([3, 3, 3, 9, 1, 5, 6]), 6) == [("0", "1"), ("2",), ("3",), ("4", "5"), ("6",)]
    assert plan_shards({}, 6) == [()]


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=40), limit=st.integers(1, 60))
def test_order_sizes_and_no_shard_that_the_next_tensor_would_fit(sizes, limit):
    tensors = make(sizes)
    shards = plan_shards(tensors, limit)
    assert [name for names in shards for name in names] == list(tensors)
    filled = [sum(tensors[name].nbytes for name in names) for names in shards]
    for names, size, after in zip(shards, filled, [*shards[1:], None], strict=True):
        assert names
        assert size <= limit or sum(tensors[name].nbytes > 0 for name in names) == 1
        assert after is None or size + tensors[after[0]].nbytes > limit


def test_more_shards_than_can_be_read_are_refused(monkeypatch):
    monkeypatch.setattr("cnnkit.exporters.shards.plan.MOST_SHARDS", 2)
    with pytest.raises(ExportError, match="3 shards, more than 2: choose a larger size"):
        plan_shards(make([1, 1, 1]), 1)
