import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.tree import child, flatten, map_leaves, unflatten

NAMES = st.text("abc012_", min_size=1, max_size=3)
TREES = st.recursive(
    st.dictionaries(NAMES, st.integers(), min_size=1, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.integers(), min_size=1, max_size=3),
    max_leaves=8,
)


def test_flatten_names_leaves_by_dotted_paths_in_order() -> None:
    tree = {"2": {"weight": 1, "bias": 2}, "0": {"inner": {"gamma": 3}}}
    assert list(flatten(tree).items()) == [("2.weight", 1), ("2.bias", 2), ("0.inner.gamma", 3)]


@given(TREES)
def test_unflatten_undoes_flatten(tree: dict) -> None:
    assert unflatten(flatten(tree)) == tree


@pytest.mark.parametrize("paths", [("a", "a.b"), ("a.b", "a"), ("a.b.c", "a.b")])
def test_a_path_is_a_leaf_or_a_folder(paths: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"leaf already|named twice"):
        unflatten({path: np.zeros(1) for path in paths})


def test_child_answers_an_empty_tree_for_a_layer_without_parameters() -> None:
    assert child({"0": {"weight": 1}}, "0") == {"weight": 1}
    assert child({"0": {"weight": 1}}, "1") == {}


def test_map_leaves_applies_across_trees_and_keeps_names() -> None:
    one, two = {"a": {"x": 1, "y": 2}, "b": 3}, {"b": 30, "a": {"y": 20, "x": 10}}
    assert map_leaves(lambda p, q: p + q, one, two) == {"a": {"x": 11, "y": 22}, "b": 33}
    with pytest.raises(KeyError):
        map_leaves(lambda p, q: p + q, one, {"a": {"x": 1}})
