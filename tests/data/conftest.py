import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture(autouse=True)
def no_user_folders(tmp_path_factory, monkeypatch):
    """No test depends on the developer's cache or on CNNKIT_DATA_DIR."""
    monkeypatch.delenv("CNNKIT_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def arrays():
    """Seven training and four test images, 5 x 6, three classes, no two images equal."""
    rng = np.random.default_rng(3)
    return {
        "x_train": rng.integers(0, 256, (7, 5, 6), np.uint8),
        "y_train": np.array([0, 1, 2, 1, 0, 2, 2]),
        "x_test": rng.integers(0, 256, (4, 5, 6), np.uint8),
        "y_test": np.array([2, 0, 1, 1]),
    }


def idx_bytes(values):
    return struct.pack(f">I{values.ndim}I", 0x0800 | values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


@pytest.fixture
def write_idx(arrays):
    def write(folder: Path, zipped=False, dotted=False):
        folder.mkdir(exist_ok=True)
        for name, key in zip(NAMES, arrays, strict=True):
            data = idx_bytes(arrays[key])
            file = (name.replace("-idx", ".idx") if dotted else name) + (".gz" if zipped else "")
            (folder / file).write_bytes(gzip.compress(data) if zipped else data)
        return folder

    return write


@pytest.fixture
def same(arrays):
    """Compare a data set with `arrays`: complete splits, and a batch out of order with repetitions."""

    def check(dataset, test=True):
        for name, x, y in (("train", "x_train", "y_train"), ("test", "x_test", "y_test")):
            if name == "test" and not test:
                assert dataset.test is None
                continue
            split = dataset.split(name)
            for indices in (np.arange(len(arrays[y])), np.array([3, 0, 3, 2, 1])):
                images, labels = split.take(indices)
                np.testing.assert_array_equal(images, arrays[x][indices][:, None])
                np.testing.assert_array_equal(labels, arrays[y][indices])
                assert labels.dtype == np.int64
        assert dataset.image_shape == (1, 5, 6)
        assert dataset.class_names == ("0", "1", "2")

    return check
