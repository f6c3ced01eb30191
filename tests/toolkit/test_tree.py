from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.tree import FlatTree, child, flatten, lay, leaves, map_leaves, map_tree, rebuild, unflatten

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


class Pair(NamedTuple):
    first: Any
    second: Any


def flat_pair() -> FlatTree:
    return FlatTree({"w": np.zeros((2, 2)), "b": {"c": np.zeros(1)}}, np.arange(5.0))


def test_leaves_and_rebuild_know_every_container() -> None:
    tree = {"x": (1, [2.5, None]), "y": Pair({"z": "text"}, ()), "flat": flat_pair(), "none": {}}
    values, structure = leaves(tree)
    assert values[:4] == [1, 2.5, None, "text"]
    assert values[4] is tree["flat"].flat
    rebuilt = rebuild(structure, values)
    assert {**rebuilt, "flat": 0} == {**tree, "flat": 0}
    assert type(rebuilt["y"]) is Pair
    moved = map_tree(lambda leaf: leaf * 2, flat_pair())
    assert {path: array.tolist() for path, array in flatten(moved).items()} == {"w": [[0, 2], [4, 6]], "b.c": [8]}


def test_structures_compare_what_is_not_a_leaf() -> None:
    def structure(tree: Any) -> Any:
        return leaves(tree)[1]

    assert structure({"a": 1, "b": (2, 3)}) == structure({"a": None, "b": ("x", 0.5)})
    assert structure(flat_pair()) == structure(flat_pair().renewed(np.zeros(5)))
    others = [{"b": 1, "a": 2}, {"a": 1, "b": (2,)}, [1, 2], (1, 2), Pair(1, 2), 1, flat_pair(), dict(flat_pair()),
              FlatTree({"w": np.zeros((1, 4)), "b": {"c": np.zeros(1)}}, np.arange(5.0))]  # fmt: skip
    assert len({structure(tree) for tree in others}) == len(others)


@pytest.mark.parametrize(("values", "message"), [([1], "fewer"), ([1, 2, 3], "more")])
def test_rebuild_wants_as_many_leaves_as_the_tree_has(values: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} leaves than it has"):
        rebuild(leaves({"a": 1, "b": [2]})[1], values)


def test_the_leaves_of_a_flat_tree_are_views_of_its_array() -> None:
    tree = flat_pair()
    tree.flat[:] = 7
    assert tree["w"].tolist() == [[7, 7], [7, 7]]
    assert tree.renewed(tree.flat) is tree
    assert list(tree.renewed(np.zeros(5))) == list(tree)


def test_a_flat_tree_may_lie_in_another_order_than_it_is_listed() -> None:
    shapes = {"w": np.zeros((2, 2)), "b": {"c": np.zeros(1)}, "d": np.zeros(2)}
    tree = FlatTree(lay(shapes, ["d", "w", "b.c"]), np.arange(7.0))
    assert {path: array.tolist() for path, array in flatten(tree).items()} == {
        "w": [[2, 3], [4, 5]], "b.c": [6], "d": [0, 1],
    }  # fmt: skip
    assert [path for path, _, _ in tree.in_memory] == ["d", "w", "b.c"]
    assert FlatTree(tree, np.arange(7.0) + 1)["b"]["c"].tolist() == [7]
    assert leaves(tree)[1] != leaves(FlatTree(shapes, np.arange(7.0)))[1]
    assert map_tree(lambda leaf: leaf * 2, tree)["d"].tolist() == [0, 2]
