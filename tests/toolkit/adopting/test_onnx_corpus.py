"""ONNX files of other authors are adopted, and classify real MNIST."""

import os
from pathlib import Path

import numpy as np
import pytest

from cnnkit import Model, load_data
from cnnkit.data.scaling import SCALINGS

CORPUS = Path(os.environ.get("CNNKIT_CORPUS_DIR") or Path(__file__).parents[4] / "shared" / "corpus")
DATA = Path(os.environ.get("CNNKIT_DATA_DIR") or ".")
MNIST = {  # name: (scaling of the pixels, parameters)
    "056_FYH620_lenet.onnx": ("mnist", 44_426),
    "092_AndreyGermanov_mnist.onnx": ("0-1", 61_706),
    "098_andrewrgarcia_mnist_model.onnx": ("tf", 155_786),
}


@pytest.mark.corpus
@pytest.mark.mnist
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real weight files: set CNNKIT_CORPUS_DIR")
@pytest.mark.skipif(not (DATA / "t10k-images-idx3-ubyte.gz").is_file(), reason="CNNKIT_DATA_DIR has no MNIST")
@pytest.mark.parametrize("name", MNIST)
def test_models_of_mnist_are_right(name) -> None:
    scaling, parameters = MNIST[name]
    model = Model.load(CORPUS / name)
    assert model.parameters == parameters
    assert model.input_shape == (1, 28, 28)
    images, labels = load_data("mnist").test.take(np.arange(2000))
    x = SCALINGS[scaling].apply(images, "float32")
    assert (model.outputs(x).argmax(axis=1) == labels).mean() > 0.95
