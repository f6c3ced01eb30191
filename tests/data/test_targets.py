"""Targets of every kind: how they are told apart, what is refused, and what a batch has of them."""

import numpy as np
import pytest

from cnnkit.data import Dataset, Scaling, Split, Targets, TargetSpec, from_arrays
from cnnkit.errors import DataError

IMAGES = np.arange(96, dtype=np.uint8).reshape(6, 1, 4, 4)
MAPS = IMAGES[:, 0] % 3

GIVEN = {
    "classes": ([0, 1, 2, 0, 1, 2], TargetSpec("class", (), ("0", "1", "2"))),
    "one-hot": (np.eye(3)[[0, 1, 2, 0, 1, 2]], TargetSpec("class", (), ("0", "1", "2"))),
    "tags": ([[1, 0, 1], [0, 0, 0], [1, 1, 1]] * 2, TargetSpec("tags", (3,), ("0", "1", "2"))),
    "numbers": ([0.5, 1.0, 2.0, 0.0, 0.0, -1.0], TargetSpec("numbers", (1,))),
    "whole floats": ([0.0, 1.0, 2.0, 0.0, 1.0, 2.0], TargetSpec("numbers", (1,))),
    "rows of numbers": (np.arange(12).reshape(6, 2), TargetSpec("numbers", (2,))),
    "maps": (MAPS, TargetSpec("class_map", (4, 4), ("0", "1", "2"))),
    "images": (IMAGES, TargetSpec("values", (1, 4, 4))),
    "float maps": (MAPS + 0.5, TargetSpec("values", (4, 4))),
    "the input": ("input", TargetSpec("input", (1, 4, 4))),
}


@pytest.mark.parametrize(("targets", "spec"), GIVEN.values(), ids=GIVEN)
def test_the_kind_follows_from_type_and_shape(targets, spec):
    assert from_arrays(IMAGES, targets).target == spec


def test_a_kind_that_is_named_decides():
    rows = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert from_arrays(IMAGES, rows, kind="tags").target.kind == "tags"
    assert from_arrays(IMAGES, rows, kind="numbers").target == TargetSpec("numbers", (3,))
    assert from_arrays(IMAGES, MAPS, kind="values").target == TargetSpec("values", (4, 4))
    with pytest.raises(DataError, match="a kind of targets, one of class, tags"):
        from_arrays(IMAGES, rows, kind="boxes")


def test_batches_have_targets_as_losses_take_them():
    wanted = {"classes": "int64", "tags": "float32", "numbers": "float32", "maps": "int64", "images": "float32"}
    for name, dtype in wanted.items():
        _, targets = from_arrays(IMAGES, GIVEN[name][0]).batch("train", [4, 1])
        assert targets.dtype == dtype
        assert len(targets) == 2
    x, same = from_arrays(IMAGES, "input").batch("train", [4, 1])
    assert same is x
    _, images = from_arrays(IMAGES, IMAGES).batch("train", [5])
    np.testing.assert_array_equal(images, IMAGES[5:] * np.float32(1 / 255))


def test_several_outputs_have_targets_of_their_own():
    data = from_arrays(IMAGES, {"digit": GIVEN["classes"][0], "size": GIVEN["numbers"][0]})
    assert data.target == {"digit": TargetSpec("class", (), ("0", "1", "2")), "size": GIVEN["numbers"][1]}
    _, (digits, sizes) = data.batch("train", [1, 2], "float64")
    assert digits.tolist() == [1, 2]
    assert sizes.tolist() == [[1.0], [2.0]]
    with pytest.raises(DataError, match="expected a class for each sample, got targets of the outputs digit, size"):
        _ = data.train.labels


def test_a_number_that_stands_for_no_class_is_ignored():
    marked = np.where(IMAGES[:, 0] == 5, 255, MAPS.astype(int))
    data = from_arrays(IMAGES, marked, ignore=255)
    assert data.class_names == ("0", "1", "2")
    assert (data.batch("train", [0])[1] == np.where(IMAGES[:1, 0] == 5, -1, MAPS[:1].astype(int))).all()
    assert from_arrays(IMAGES, [0, 1, 9, 0, 1, 9], ignore=9).train.labels.tolist() == [0, 1, -1, 0, 1, -1]
    assert from_arrays(IMAGES, np.uint8([0, 1, 255, 0, 1, 0]), ignore=255).train.labels.tolist() == [0, 1, -1, 0, 1, 0]
    with pytest.raises(DataError, match="expected labels as whole numbers"):
        from_arrays(IMAGES, [0.5, 1.7, 9, 0, 1, 9], kind="class", ignore=9)


def test_maps_of_yes_and_no_have_classes_0_and_1():
    values = from_arrays(IMAGES, IMAGES[:, 0] > 50, kind="class_map").train.targets.values
    assert np.array_equal(np.array([5, 7])[values], np.where(IMAGES[:, 0] > 50, 7, 5))


BAD = {
    "another number": ([[0.5], [1.5]], "a target for each of the 6 images"),
    "not finite": ([0.5, np.nan, 0, 0, 0, 0.5], r"labels: expected finite numbers, got \[nan\] at index 1"),
    "negative classes": ([0, -1, 0, 0, 0, 1], "got -1 at index 1"),
    "negative maps": (MAPS.astype(int) - 2, r"classes in 0\.\.99999, or -1 where nothing counts, got -2"),
    "classes beyond number": (np.where(MAPS == 2, 1 << 40, MAPS.astype(np.int64)), f"got {1 << 40}"),
    "classes beyond a sign": (np.where(MAPS == 2, np.uint64(2**64 - 1), MAPS.astype(np.uint64)), f"got {2**64 - 1}"),
    "infinite images": (np.full((6, 1, 4, 4), np.inf), "NaN or infinity in image 0"),
    "maps of another size": (Targets("class_map", np.zeros((6, 3, 3), int)), r"maps of classes of the images' size"),
}


@pytest.mark.parametrize(("targets", "message"), BAD.values(), ids=BAD)
def test_targets_that_are_refused(targets, message):
    with pytest.raises(DataError, match=message) as caught:
        from_arrays(IMAGES, targets)
    assert "\n" not in str(caught.value)


def test_tags_lie_between_0_and_1():
    with pytest.raises(DataError, match=r"0 or 1, or a share between them, got \[0, 2\] at index 1"):
        Targets("tags", [[0, 1], [0, 2]])
    assert Targets("tags", [[0.25, 1]]).values.tolist() == [[0.25, 1]]


WEIGHTS = {
    "negative": ([1, -1, 1, 1, 1, 1], "finite numbers >= 0, got -1 at index 1"),
    "too few": ([1, 1], "a number for each of the 6 samples"),
    "zeros": ([0] * 6, "a number above 0, got zeros alone"),
}


@pytest.mark.parametrize(("weights", "message"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        from_arrays(IMAGES, [0, 1] * 3, weights=weights)


def test_the_fingerprint_tells_targets_apart():
    kinds = [from_arrays(IMAGES, targets, scaling=Scaling()).fingerprint() for targets, _ in GIVEN.values()]
    assert len(set(kinds)) == len(kinds) - 1  # one-hot rows are the classes
    weighed = from_arrays(IMAGES, GIVEN["classes"][0], weights=[1, 2, 3, 4, 5, 6], scaling=Scaling())
    assert weighed.fingerprint() not in kinds


def test_a_test_split_has_targets_of_the_same_kind():
    train = Split(IMAGES, Targets("numbers", [[1.0]] * 6))
    with pytest.raises(DataError, match="test targets as those of training, rows of numbers of shape"):
        Dataset("d", train, Split(IMAGES, Targets("numbers", [[1.0, 2.0]] * 6)), (), (1, 4, 4))
