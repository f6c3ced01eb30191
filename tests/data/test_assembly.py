import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.labels import class_indices
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.scaling import Scaling
from cnnkit.errors import DataError


class Lazy(LazyImages):
    def __init__(self, array):
        super().__init__(array.shape, array.dtype)
        self.array = array

    def read(self, indices):
        return self.array[indices]


def stored(images, labels=None):
    return RawSplit(images, np.arange(len(images)) % 2 if labels is None else np.array(labels), "file: x", "file: y")


@pytest.mark.parametrize("wrap", [np.asarray, Lazy])
@pytest.mark.parametrize(
    ("shape", "image_shape", "axes"),
    [
        ((4, 5, 6), (1, 5, 6), None),
        ((4, 1, 5, 6), (1, 5, 6), (0, 1, 2, 3)),
        ((4, 3, 5, 6), (3, 5, 6), (0, 1, 2, 3)),
        ((4, 5, 6, 3), (3, 5, 6), (0, 3, 1, 2)),
        ((4, 5, 6, 1), (1, 5, 6), (0, 3, 1, 2)),
        ((4, 3, 5, 3), (3, 5, 3), (0, 1, 2, 3)),  # both readings are possible: channels first wins
        ((4, 1, 1, 1), (1, 1, 1), (0, 1, 2, 3)),
    ],
)
def test_layouts_become_channels_first(wrap, shape, image_shape, axes):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    dataset = assemble("made", stored(wrap(array)))
    expected = array[:, None] if axes is None else array.transpose(axes)
    assert dataset.image_shape == image_shape
    np.testing.assert_array_equal(dataset.train.take([2, 0, 2])[0], expected[[2, 0, 2]])
    np.testing.assert_array_equal(dataset.train.images[1], expected[1])
    np.testing.assert_array_equal(dataset.train.images[1:3], expected[1:3])


@pytest.mark.parametrize(
    "shape", [(), (4,), (4, 784), (4, 2, 5, 6), (4, 5, 6, 4), (4, 3, 1, 5, 6), (0, 5, 6), (4, 0, 6)]
)
def test_other_layouts_are_refused(shape):
    with pytest.raises(DataError, match="file: x: expected"):
        assemble("made", stored(np.zeros(shape, np.uint8), None if shape else [0]))


@pytest.mark.parametrize(
    ("pixels", "scaling"),
    [
        (np.array([0, 255], np.uint8), Scaling(0.0, 1 / 255)),
        (np.array([0, 1], np.uint8), Scaling(0.0, 1 / 255)),
        (np.array([0, 255], np.int64), Scaling(0.0, 1 / 255)),
        (np.array([0, 255], np.uint16), Scaling(0.0, 1 / 255)),
        (np.array([0, 256], np.uint16), Scaling(0.0, 1 / 65535)),
        (np.array([False, True]), Scaling()),
        (np.array([0, 1], np.float32), Scaling()),
        (np.array([-3, 700], np.float64), Scaling()),
        (np.array([0, 1], ">f2"), Scaling()),
    ],
)
def test_scaling_follows_the_pixels(pixels, scaling):
    dataset = assemble("made", stored(pixels.reshape(2, 1, 1)))
    assert dataset.scaling == scaling
    x, _ = dataset.batch("train", [1])
    assert float(x.item()) == pytest.approx(float(pixels[1]) * scaling.factor)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.array([0, 256], np.int32), r"0\.\.256"),
        (np.array([-1, 5], np.int8), r"-1\.\.5"),
        (np.array([0, np.nan]), "NaN or infinity in image 1"),
        (np.array([-np.inf, 0], np.float32), "NaN or infinity in image 0"),
        (np.array([0, 1], complex), "complex128"),
        (np.array(["a", "b"]), "<U1"),
    ],
)
def test_pixels_that_cannot_be_used(pixels, message):
    for wrap in (np.asarray, Lazy):
        with pytest.raises(DataError, match=message):
            assemble("made", stored(wrap(pixels.reshape(2, 1, 1))))


def test_nan_after_the_first_chunk_is_found(monkeypatch):
    monkeypatch.setattr("cnnkit.data.pixels.CHUNK_BYTES", 64)
    pixels = np.zeros((9, 2, 2))
    pixels[7, 1, 1] = np.nan
    with pytest.raises(DataError, match="in image 7"):
        assemble("made", stored(pixels))


def test_splits_must_agree():
    a, b = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 5, 4), np.uint8)
    with pytest.raises(DataError, match=r"training images' shape \(1, 4, 4\), got \(1, 5, 4\)"):
        assemble("made", stored(a), stored(b))
    with pytest.raises(DataError, match="same kind"):
        assemble("made", stored(a), stored(a.astype(np.float32)))


def test_classes_are_counted_over_all_splits():
    a = np.zeros((2, 4, 4), np.uint8)
    assert assemble("made", stored(a, [0, 1]), stored(a, [4, 0])).class_names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0, 1], np.uint8),
        np.array([2, 0, 1], ">i8"),
        np.array([2.0, 0.0, 1.0]),
        np.array([[2], [0], [1]]),
        np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]),
        np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32),
        np.array([2, 0, 1], np.float16),  # whose largest number is below the largest class
    ],
)
def test_labels_in_every_accepted_form(labels):
    indices = class_indices(labels, 3, "file: y")
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices, [2, 0, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "each of the 3 images"),
        ([0, 1, 2, 0], "each of the 3 images"),
        (5, "each of the 3 images"),
        ([0, -1, 2], "got -1 at index 1"),
        ([0, 1, 100_000], "got 100000 at index 2"),
        (np.array([0, 1, 2**63], np.uint64), "index 2"),
        ([0, 0.5, 1], "got 0.5 at index 1"),
        ([0, np.nan, 1], "got nan at index 1"),
        ([0, 1, np.inf], "index 2"),
        (["0", "1", "2"], "whole numbers"),
        ([[1, 0], [0, 0], [0, 1]], "another row at index 1"),
        ([[1, 0], [0, 1], [1, 1]], "another row at index 2"),
        ([[1, 0], [0, 2], [0, 1]], "another row at index 1"),
        ([[0.9, 0.1], [0, 1], [0, 1]], "another row at index 0"),
        (np.zeros((3, 1, 2)), "expected labels"),
    ],
)
def test_labels_that_cannot_be_used(labels, message):
    with pytest.raises(DataError, match=message):
        class_indices(np.array(labels), 3, "file: y")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_one_hot_is_the_inverse_of_indices(labels):
    width = max(2, max(labels) + 1)
    np.testing.assert_array_equal(class_indices(np.eye(width)[labels], len(labels), "y"), labels)


@given(st.lists(st.integers(0, 8), max_size=20))
def test_lazy_and_plain_images_return_the_same(indices):
    array = np.arange(9 * 4, dtype=np.uint8).reshape(9, 2, 2)
    plain, lazy = assemble("a", stored(array)), assemble("b", stored(Lazy(array)))
    np.testing.assert_array_equal(plain.train.take(indices)[0], lazy.train.take(indices)[0])
    assert len(lazy.train.images) == 9
    assert plain.fingerprint() == lazy.fingerprint()
