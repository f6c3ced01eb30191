import hashlib
import subprocess
import sys

import numpy as np
import pytest

from cnnkit.data import Dataset, Scaling, Split
from cnnkit.errors import DataError

HALF = Scaling(0.0, 0.5)


def make(images, labels=(0, 1, 2), scaling=HALF, test=None):
    split = Split(images, np.array(labels))
    return Dataset("made", split, test, ("a", "b", "c"), images.shape[1:], scaling)


@pytest.fixture
def images():
    return np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2)


def test_batch_scales_by_hand(images):
    x, labels = make(images, scaling=Scaling(1.0, 0.5)).batch("train", [2, 0, 2])
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    np.testing.assert_array_equal(x[0, 0], [[3.5, 4], [4.5, 5]])
    np.testing.assert_array_equal(x[1, 0], [[-0.5, 0], [0.5, 1]])
    np.testing.assert_array_equal(labels, [2, 0, 2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_has_the_dtype_asked_for_and_is_a_copy(images, dtype):
    floats = images.astype(dtype)
    x, _ = make(floats, scaling=Scaling()).batch("train", [0, 1, 2], dtype)
    assert x.dtype == dtype
    x[:] = -1
    assert floats.min() == 0


def test_batch_of_channels_last_view_is_contiguous():
    view = np.zeros((3, 4, 5, 3), np.uint8).transpose(0, 3, 1, 2)
    x, _ = make(view).batch("train", [1, 0])
    assert x.shape == (2, 3, 4, 5)
    assert x.flags.c_contiguous


def test_no_indices_give_an_empty_batch(images):
    x, labels = make(images).batch("train", [])
    assert x.shape == (0, 1, 2, 2)
    assert labels.shape == (0,)


@pytest.mark.parametrize("indices", [[3], [-1], [0, 1, 99], [0.5], [[0, 1]], [True]])
def test_indices_out_of_range_are_refused(images, indices):
    with pytest.raises(DataError, match="expected"):
        make(images).train.take(indices)


def test_a_missing_split_is_named(images):
    with pytest.raises(DataError, match="made: has no test split"):
        make(images).split("test")
    with pytest.raises(DataError, match="expected the split train or test, got 'valid'"):
        make(images).split("valid")


def test_split_needs_a_label_for_each_image(images):
    with pytest.raises(DataError, match="a label for each of the 3 images"):
        Split(images, np.array([0, 1]))


def test_fingerprint_by_hand(images):
    digest = hashlib.sha256(b"[0.0, 0.5]" + b'["train", [3, 1, 2, 2], "|u1"]' + bytes(range(12)))
    digest.update(np.array([0, 1, 2], "<i8").tobytes())
    assert make(images).fingerprint() == digest.hexdigest()


def test_fingerprint_changes_with_everything_that_counts(images):
    other = images.copy()
    other[2, 0, 1, 1] += 1
    part = Split(images, np.array([0, 1, 2]))
    variants = [
        make(images),
        make(other),
        make(images, (0, 1, 1)),
        make(images.reshape(3, 1, 4, 1)),
        make(images.astype(np.int16)),
        make(images, scaling=Scaling(0.0, 0.25)),
        make(images, test=part),
    ]
    assert len({variant.fingerprint() for variant in variants}) == len(variants)


def test_fingerprint_does_not_depend_on_chunks_order_in_memory_or_byte_order(images, monkeypatch):
    floats = images.astype("<f4")
    expected = make(floats).fingerprint()
    assert make(np.asfortranarray(floats)).fingerprint() == expected
    assert make(floats.astype(">f4")).fingerprint() == expected
    monkeypatch.setattr("cnnkit.data.pixels.CHUNK_BYTES", 20)
    assert make(floats).fingerprint() == expected


def test_import_brings_no_heavy_library():
    code = "import sys, cnnkit.data; print(sorted({'h5py', 'PIL', 'pooch', 'torch', 'requests'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
