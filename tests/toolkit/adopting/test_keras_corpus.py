"""Keras models of other authors are adopted, and classify real MNIST."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from cnnkit.adopting.keras import adopt_keras
from cnnkit.backends.registry import get_backend
from cnnkit.errors import WeightFileError
from cnnkit.layers import Context

CORPUS = Path(os.environ.get("CNNKIT_CORPUS_DIR") or Path(__file__).parents[4] / "shared" / "corpus")
DATA = Path(os.environ.get("CNNKIT_DATA_DIR") or ".")
MNIST = {  # name: (factor for the pixels, parameters, share of the first 2,000 test images that is right)
    "003_KiLJ4EdeN_mnist.h5": (1 / 255, 34_826, 0.95),
    "007_annesh0_final_model.h5": (1 / 255, 93_322, 0.95),
}
REFUSED = {
    "048_keras-team_pre_pr22362_nested_container.keras": "its model is of the class 'NestedDenseModel'",
    "022_chenhe82166_weights.hdf5": "holds weights alone",
}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real weight files: set CNNKIT_CORPUS_DIR"),
]


def run(adopted, x):
    return adopted.network.forward(Context(get_backend("numpy")), *adopted.variables, x)[0]


@pytest.mark.mnist
@pytest.mark.skipif(not (DATA / "t10k-images-idx3-ubyte.gz").is_file(), reason="CNNKIT_DATA_DIR has no MNIST")
@pytest.mark.parametrize("name", MNIST)
def test_models_of_mnist_are_right(name):
    factor, parameters, share = MNIST[name]
    adopted = adopt_keras(CORPUS / name)
    assert (adopted.input_shape, adopted.channels_last) == ((1, 28, 28), True)
    assert adopted.to_weights().parameters == parameters
    images, labels = (gzip.decompress((DATA / f"t10k-{part}-ubyte.gz").read_bytes()) for part in
                      ("images-idx3", "labels-idx1"))  # fmt: skip
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:2000].astype(np.float32) * np.float32(factor)
    right = run(adopted, x).argmax(1) == np.frombuffer(labels, np.uint8, offset=8)[:2000]
    assert right.mean() > share


def test_a_model_of_rows_is_adopted():
    adopted = adopt_keras(CORPUS / "040_2mdtln_final_model.keras")
    assert adopted.input_shape == (2,)
    assert run(adopted, np.ones((3, 2), np.float32)).shape == (3, 2)


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_files_without_a_model_are_refused(name, message):
    with pytest.raises(WeightFileError, match=message):
        adopt_keras(CORPUS / name)
