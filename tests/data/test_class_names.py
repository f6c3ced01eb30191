"""Classes are matched by name: whatever order the folders have, label k means the network's class k."""

import numpy as np
import pytest

from cnnkit.data import arrange_classes, from_arrays, match_classes
from cnnkit.errors import DataError

ABC = ("apple", "banana", "cherry")


def named(*names, labels=None):
    labels = list(range(len(names))) if labels is None else labels
    return from_arrays(
        np.zeros((len(labels), 2, 2)), labels, test=(np.zeros((1, 2, 2)), [0]), class_names=names, name="d"
    )


def truths(dataset):
    """The names of the images' classes, as the renumbered labels tell them."""
    return [dataset.class_names[k] for split in (dataset.train, dataset.test) for k in split.labels]


@pytest.mark.parametrize(
    ("own", "expected", "said"),
    [
        (("cherry", "apple", "banana"), ABC, ["their order in the network is another: apple, banana, cherry"]),
        (("banana", "cherry"), ABC, ["has 2 of the network's 3 classes, not apple"]),
        (("cherry",), ABC, ["has 1 of the network's 3 classes, not apple, banana"]),
        (("apple", "banana", "cherry", "durian"), (*ABC, "durian"), ["the network does not know durian"]),
        (("durian", "apple", "banana", "cherry"), (*ABC, "durian"), ["the network does not know durian"]),
        (("fig", "cherry", "apple"), (*ABC, "fig"), ["order", "not banana", "does not know fig"]),
        (ABC, ABC, []),
    ],
)
def test_every_image_keeps_its_class(own, expected, said):
    before = named(*own)
    after = match_classes(before, ABC)
    assert after.class_names == expected
    assert truths(after) == truths(before)
    assert len(after.notes) == len(said)
    for note, part in zip(after.notes, said, strict=True):
        assert part in note
    again = match_classes(after, ABC)
    assert (again.class_names, again.notes, truths(again)) == (after.class_names, after.notes, truths(after))


def test_numbers_are_names_too():
    after = match_classes(named("3", "7"), tuple("0123456789"))
    assert after.train.labels.tolist() == [3, 7]
    assert match_classes(named("0", "1", "2", labels=[2, 1, 2]), tuple("0123456789")).train.labels.tolist() == [2, 1, 2]


@pytest.mark.parametrize(("own", "known"), [(("0", "1"), ABC), (ABC, ("0", "1", "2")), (("0", "1", "2"), ABC)])
def test_where_one_side_only_numbers_its_classes_position_counts_and_it_is_said(own, known):
    after = match_classes(named(*own), known)
    assert (after.class_names, after.train.labels.tolist()) == (known, list(range(len(own))))
    assert after.notes == (
        f"d: classes are taken by position, since no name is shared: {own[0]} is {known[0]}, and so on",
    )


@pytest.mark.parametrize(
    ("own", "known"),
    [(("cat", "dog"), ABC), (("cat", "dog"), ("0", "1", "2")), (("0", "1", "2", "3"), ABC), (("Apple",), ABC)],
)
def test_no_class_in_common_is_refused(own, known):
    with pytest.raises(DataError, match=f"d: expected some of the network's classes {known[0]}, .*, got {own[0]}"):
        match_classes(named(*own), known)


def test_a_network_without_names_takes_the_data_as_they_are():
    dataset = named("x", "y")
    assert match_classes(dataset, ()) is dataset


def test_names_of_a_network_that_are_not_unique():
    with pytest.raises(DataError, match="the network's class names: expected each name once"):
        match_classes(named("a", "b"), ("a", "a", "c"))


@pytest.mark.parametrize(
    ("own", "arranged", "said"),
    [
        (("banana", "cherry", "zapple"), ("zapple", "banana", "cherry"), "zapple takes the place of apple"),
        (("cherry", "banana", "apple"), ABC, "classes in the order of w.h5: apple, banana, cherry"),
        (("cat", "dog", "fox"), ("cat", "dog", "fox"), "cat takes the place of apple, dog takes the place of banana"),
        (("cherry", "banana"), ("cherry", "banana"), None),
        (("0", "1", "2"), ("0", "1", "2"), None),
        (ABC, ABC, None),
    ],
)
def test_a_training_from_a_file_keeps_its_order(own, arranged, said):
    before = named(*own)
    after = arrange_classes(before, ABC, "w.h5")
    assert after.class_names == arranged
    assert truths(after) == truths(before)
    assert (said is None and after.notes == ()) or said in after.notes[0]


def test_a_file_with_a_name_twice_gives_no_order():
    dataset = named("banana", "cherry", "apple")
    assert arrange_classes(dataset, ("apple", "apple", "cherry"), "w.h5") is dataset


def test_maps_of_classes_are_matched_place_by_place():
    """Numbers of the data: 0 cherry, 1 durian, 2 apple; the network's: 0 apple, 1 banana, 2 cherry."""
    maps = np.array([[[0, 1], [2, -1]]])
    dataset = from_arrays(
        np.zeros((1, 1, 2, 2)), maps, kind="class_map", ignore=-1, class_names=("cherry", "durian", "apple"), name="d"
    )
    matched = match_classes(dataset, ABC)
    np.testing.assert_array_equal(matched.train.targets.values, [[[2, -1], [0, -1]]])
    assert matched.class_names == ABC
    assert "d: the network does not know durian; such places count nowhere" in matched.notes
