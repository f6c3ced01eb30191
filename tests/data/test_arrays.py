"""Arrays as a data set: checked like a file, before anything is trained on them."""

import base64
import re

import numpy as np
import pytest
from PIL import Image

from cnnkit.data import Dataset, Scaling, Split, from_arrays
from cnnkit.errors import DataError

IMAGES = np.arange(48, dtype=np.uint8).reshape(3, 1, 4, 4)
ABC = ("a", "b", "c")


def dataset(labels, images=IMAGES, names=ABC):
    return Dataset("made", Split(images, labels), None, names, (1, 4, 4))


BAD_LABELS = {
    "too large": ([0, 1, 7], r"labels: expected labels in 0\.\.2 for 3 classes, got 7 at index 2"),
    "negative": ([0, -1, 2], "got -1 at index 1"),
    "from one": ([1, 2, 3], r"got 3 at index 2: the labels count from 1: subtract 1"),
    "fractions": ([0.5, 1.0, 2.0], r"got rows of numbers of shape \(N, 1\): labels\.astype\(int\)"),
    "floats that are whole": ([0.0, 1.0, 2.0], "labels as whole numbers beside class names"),
    "a column of floats": ([[0.0], [1.0], [2.0]], "labels.astype"),
    "nan": ([0.0, np.nan, 2.0], "finite numbers"),
    "words": (["a", "b", "c"], r"got <U1 such as .*'a'.*numpy\.unique"),
    "objects": (np.array([0, "b", None], object), "got object"),
    "complex": ([0j, 1, 2], "complex128"),
    "too few": ([0, 1], "a label for each of the 3 images"),
    "one number": (1, "a label for each of the 3 images"),
    "ragged": ([[0], [1, 2], [0]], "labels: expected one array of numbers"),
    "rows of shares": ([[0.9, 0.1, 0], [0, 1, 0], [0, 0, 1]], r"rows of numbers of shape \(N, 3\)"),
    "one-hot of four": (np.eye(4, dtype=int)[[0, 1, 3]], r"0\.\.2 for 3 classes, got 3"),
    "none": ([], "for each of the 3 images"),
}


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_that_are_no_classes(labels, message):
    with pytest.raises(DataError, match=message) as caught:
        dataset(labels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels", [[0, 2, 1], np.array([0, 2, 1], np.uint8), np.eye(3)[[0, 2, 1]], [[0], [2], [1]]], ids=str
)
def test_labels_in_every_accepted_form(labels):
    made = dataset(labels)
    assert made.train.labels.dtype == np.int64
    assert made.train.labels.tolist() == [0, 2, 1]


def test_true_and_false_are_two_classes():
    assert dataset([False, True, True], names=("no", "yes")).train.labels.tolist() == [0, 1, 1]


BAD_IMAGES = {
    "nan": (np.where(IMAGES == 20, np.nan, IMAGES), "NaN or infinity in image 1"),
    "infinity": (np.where(IMAGES == 40, np.inf, IMAGES).astype(np.float32), "NaN or infinity in image 2"),
    "words": (np.full((3, 1, 4, 4), "x"), "pixels as integers or floats"),
    "objects": (IMAGES.astype(object), "give one array of numbers"),
    "complex": (IMAGES + 0j, "complex128"),
    "no channel axis": (IMAGES[:, 0], r"shape \(3, 4, 4\): cnnkit\.data\.from_arrays takes"),
    "rows": (IMAGES.reshape(3, 16), r"shape \(3, 16\)"),
    "no image": (IMAGES[:0], r"at least one image"),
    "no pixel": (IMAGES[..., :0], r"at least one image"),
    "two sizes": ([np.zeros((1, 4, 4)), np.zeros((1, 5, 4)), np.zeros((1, 4, 4))], "one array of numbers"),
    "another size": (np.zeros((3, 1, 5, 4)), r"images \(C, H, W\) of shape \(1, 4, 4\), got images of shape"),
}


@pytest.mark.parametrize(("images", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_images_that_cannot_be_used(images, message):
    with pytest.raises(DataError, match=message) as caught:
        dataset([0, 1, 2], images)
    assert "\n" not in str(caught.value)


def test_both_splits_are_checked():
    with pytest.raises(DataError, match="got 9 at index 1"):
        Dataset("made", Split(IMAGES, [0, 1, 2]), Split(IMAGES, [0, 9, 2]), ABC, (1, 4, 4))


@pytest.mark.parametrize("names", [("a", "b", "a"), "abc", (1, 2, 3)])
def test_class_names_are_texts_each_once(names):
    with pytest.raises(DataError, match="class names as texts, each once"):
        dataset([0, 1, 2], names=names)


def test_classes_without_a_training_image_are_named():
    assert dataset([0, 1, 2]).absent is None
    assert dataset([0, 0, 2]).absent == "made: no training image of class b, so it cannot be learned"
    assert dataset([1, 2, 1]).absent.endswith("class a, so it cannot be learned; if labels count from 1, subtract 1")
    assert "class 3, 4, 5, 6, 7 and 2 more" in dataset([0, 1, 2], names=tuple("0123456789")).absent


def test_from_arrays_takes_the_layouts_of_files():
    grey = from_arrays(IMAGES[:, 0], [0, 1, 2])
    assert (grey.image_shape, grey.class_names, grey.scaling) == ((1, 4, 4), ("0", "1", "2"), Scaling(0.0, 1 / 255))
    last = from_arrays(np.zeros((3, 4, 5, 3)), [0, 1, 1], test=(np.zeros((2, 4, 5, 3)), [1, 0]))
    assert (last.image_shape, len(last.test), last.scaling) == ((3, 4, 5), 2, Scaling())
    odd = from_arrays(np.zeros((3, 4, 5, 3)), [0, 1, 1], image_shape=(4, 5, 3))
    assert odd.image_shape == (4, 5, 3)
    with pytest.raises(DataError, match=r"got \(3, 16\): reshape the rows into images"):
        from_arrays(IMAGES.reshape(3, 16), [0, 1, 2])
    with pytest.raises(DataError, match=r"labels: expected labels as whole numbers beside class names"):
        from_arrays(IMAGES, [0, 1, 2], test=(IMAGES, [0.0, 1.0, 2.0]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Dataset("d", (IMAGES, [0, 1, 2]), None, ABC, (1, 4, 4)),
            r"splits as Split\(images, labels\), got tuple",
        ),
        (lambda: Dataset("d", Split(IMAGES, [0, 1, 2]), IMAGES, ABC, (1, 4, 4)), "got ndarray"),
        (
            lambda: Dataset("d", Split(IMAGES, [0, 1, 2]), None, ABC, (1, 4, 4), 1 / 255),
            r"a scaling such as Scaling\(0",
        ),
        (lambda: Scaling(0, np.nan), "scaling: expected factor as a finite number, got nan"),
        (lambda: Scaling("0"), "scaling: expected offset as a finite number, got '0'"),
        (lambda: from_arrays(np.ma.masked_equal(IMAGES, 5), [0, 1, 2]), r"images: .* fill it: array\.filled\(0\)"),
        (lambda: from_arrays(IMAGES, np.ma.masked_equal([0, 1, 2], 1)), "labels: .* a masked array"),
        (lambda: from_arrays((image for image in IMAGES), [0, 1, 2]), "got object"),
        (lambda: from_arrays({"x": IMAGES}, [0, 1, 2]), "got object"),
        (lambda: from_arrays(5, [0]), "a label for each of the 0 images|images"),
        (lambda: from_arrays(None, None), "got object"),
        (lambda: from_arrays(IMAGES, [0, 1, 2], class_names="abc"), "class names as texts, each once"),
    ],
)
def test_what_is_no_data_set(make, message):
    with pytest.raises(DataError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_lists_are_arrays():
    assert from_arrays([[[0, 255]], [[1, 2]]], [1, 0]).batch("train", [0])[0].tolist() == [[[[0.0, 1.0]]]]


def test_a_notebook_shows_classes_counts_and_a_picture(tmp_path):
    made = Dataset(
        "<b>", Split(IMAGES, [0, 1, 1]), Split(IMAGES, [1, 1, 1]), ("x&y", "z"), (1, 4, 4), Scaling(0, 1 / 47)
    )
    html = made._repr_html_()
    assert "&lt;b&gt;" in html
    assert "x&amp;y</td><td>1</td><td>0</td>" in html
    assert "z</td><td>2</td><td>3</td>" in html
    assert "3 training images, 3 test images, 1 × 4 × 4 uint8" in html
    pictures = re.findall(r"base64,([^\"]+)", html)
    assert len(pictures) == 2
    (tmp_path / "a.png").write_bytes(base64.b64decode(pictures[1]))
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "a.png")), np.rint(IMAGES[1, 0] / 47 * 255).astype(np.uint8)
    )


def test_a_notebook_bounds_classes_and_pictures(tmp_path):
    many = tuple(f"class {k}" for k in range(50))
    html = from_arrays(np.zeros((2, 1000, 30, 3)), [0, 1], class_names=many)._repr_html_()
    assert "and 30 more classes" in html
    assert len(html) < 20_000
    (tmp_path / "a.png").write_bytes(base64.b64decode(re.findall(r"base64,([^\"]+)", html)[0]))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (3, 91)
