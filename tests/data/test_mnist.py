"""Real MNIST, from the folder that CNNKIT_DATA_DIR names."""

import os
from pathlib import Path

import numpy as np
import pytest

from cnnkit.data import load

# Read at import: a fixture of this folder hides the variable from the other tests.
FOLDER = Path(os.environ.get("CNNKIT_DATA_DIR") or "CNNKIT_DATA_DIR is not set")
HAS_BOTH = (FOLDER / "mnist.npz").is_file() and any(FOLDER.glob("train-images*idx3-ubyte*"))
pytestmark = [
    pytest.mark.mnist,
    pytest.mark.skipif(not HAS_BOTH, reason="CNNKIT_DATA_DIR names no folder with mnist.npz and the four IDX files"),
]


@pytest.fixture
def mnist(monkeypatch):
    monkeypatch.setenv("CNNKIT_DATA_DIR", str(FOLDER))
    return load("mnist")


def test_sizes_and_first_labels(mnist):
    assert (len(mnist.train), len(mnist.split("test")), mnist.image_shape) == (60000, 10000, (1, 28, 28))
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.split("test").labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train.labels)[[0, 1]].tolist() == [5923, 6742]


def test_npz_and_idx_are_equal(mnist):
    idx = load(FOLDER)
    for part in ("train", "test"):
        np.testing.assert_array_equal(np.asarray(mnist.split(part).images), np.asarray(idx.split(part).images))
        np.testing.assert_array_equal(mnist.split(part).labels, idx.split(part).labels)
    assert mnist.fingerprint() == idx.fingerprint()


def test_mean_and_deviation_are_the_published_ones(mnist):
    x, _ = mnist.batch("train", np.arange(60000), "float64")
    assert x.mean() == pytest.approx(0.1307, abs=5e-5)
    assert x.std() == pytest.approx(0.3081, abs=5e-5)
