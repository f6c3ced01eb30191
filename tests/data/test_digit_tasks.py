"""Tasks made of digits: what the targets say is what the images show, and no test digit is in a training image."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from cnnkit.data import load
from cnnkit.data.made.canvas import SIDE, place

SPLITS = ("train", "test")


def arrays(name, split):
    part = load(name).split(split)
    return np.asarray(part.images), np.asarray(part.targets.values)


def labels_of(split):
    """Return {the pixels of a digit of the split as bytes: its label}."""
    part = load("digits").split(split)
    return {image.astype(np.uint8).tobytes(): int(label) for image, label in zip(part.images, part.labels, strict=True)}


@pytest.mark.parametrize("split", SPLITS)
def test_sums_are_those_of_the_digits_and_the_digits_those_of_the_split(split):
    images, sums = arrays("digit-sums", split)
    known, blank = labels_of(split), bytes(SIDE * SIDE)
    shown = [[known.get(piece.tobytes(), None if piece.any() else 0) for piece in np.split(row[0], 3, axis=1)]
             for row in np.ascontiguousarray(images)]  # fmt: skip
    np.testing.assert_array_equal(np.sum(shown, axis=1), sums[:, 0])
    gaps = np.mean([sum(piece.tobytes() == blank for piece in np.split(row[0], 3, axis=1)) for row in images])
    assert 0.4 < gaps < 0.6  # two digits as often as three


@pytest.mark.parametrize("split", SPLITS)
def test_noise_is_all_that_lies_between_noisy_and_clean_digits(split):
    images, clean = arrays("noisy-digits", split)
    known = labels_of(split)
    assert all((np.rint(digit * 16).astype(np.uint8)).tobytes() in known for digit in clean)
    noise = images - clean
    assert abs(noise.mean()) < 0.005
    assert abs(noise.std() - 0.3) < 0.005
    assert len(np.unique(noise.reshape(len(noise), -1), axis=0)) == len(noise)


@pytest.mark.parametrize("split", SPLITS)
def test_a_pixel_has_a_class_where_there_is_ink(split):
    images, classes = arrays("composed-digits", split)
    np.testing.assert_array_equal(images[:, 0] >= 4, classes > 0)
    assert set(np.unique(classes)) == set(range(11))
    chosen = [find_digits(image[0], labels_of(split)) for image in images[:20]]
    for found, class_map in zip(chosen, classes, strict=False):
        assert 1 <= len(found) <= 4
        wanted = np.zeros((25, 25), np.int64)
        for row, column, pixels, label in found:
            wanted[row : row + SIDE, column : column + SIDE] = np.where(pixels >= 4, label + 1, 0)
        np.testing.assert_array_equal(class_map, wanted)


@pytest.mark.parametrize("split", SPLITS)
def test_tags_are_the_digits_on_the_canvas(split):
    images, tags = arrays("multi-digits", split)
    assert set(tags.sum(axis=1)) == {1, 2, 3}
    known = labels_of(split)
    for image, row in zip(images[:20, 0], tags, strict=False):
        assert {label for *_, label in find_digits(image, known)} == set(np.flatnonzero(row))


def find_digits(canvas, known):
    """Return (row, column, pixels, label) of every part of a canvas that is a digit."""
    windows = sliding_window_view(canvas, (SIDE, SIDE))
    places = np.ndindex(*windows.shape[:2])
    parts = ((row, column, np.ascontiguousarray(windows[row, column])) for row, column in places)
    return [(row, column, part, known[part.tobytes()]) for row, column, part in parts if part.tobytes() in known]


def test_digits_lie_on_the_canvas_and_none_over_another():
    placed = place(0, 100, 500, (20, 17), 4)
    assert placed.there[:, 0].all()
    assert 0.2 < placed.there[:, 1:].mean() < 0.6
    assert (placed.corners >= 0).all()
    assert (placed.corners <= [20 - SIDE, 17 - SIDE]).all()
    assert placed.corners.max(axis=(0, 1)).tolist() == [20 - SIDE, 17 - SIDE]
    for there, corners in zip(placed.there, placed.corners, strict=True):
        apart = np.abs(corners[there][:, None] - corners[there]).max(axis=-1)
        assert (apart[~np.eye(len(apart), dtype=bool)] >= SIDE).all()
