import importlib.resources

import numpy as np
from sklearn.datasets import load_digits

from cnnkit.data import Scaling, load


def test_digits_are_scikit_learns_and_every_fifth_is_a_test_image():
    dataset, (pixels, labels) = load("digits"), load_digits(return_X_y=True)
    test = np.arange(1797) % 5 == 0
    for part, chosen in ((dataset.train, ~test), (dataset.split("test"), test)):
        np.testing.assert_array_equal(part.images, pixels[chosen].reshape(-1, 1, 8, 8))
        np.testing.assert_array_equal(part.labels, labels[chosen])
    assert (len(dataset.train), len(dataset.split("test"))) == (1437, 360)
    assert dataset.scaling == Scaling(0.0, 1 / 16)
    assert dataset.class_names == tuple("0123456789")
    assert dataset.licence == "CC BY 4.0"
    x, _ = dataset.batch("train", np.arange(1437))
    assert (x.min(), x.max()) == (0, 1)


def test_digits_fingerprint_is_fixed():
    assert load("digits").fingerprint() == "065833fd8cbd8831274514434a441eb7e15a959ab89d7fb881fbb39bf32c578b"


def test_digits_come_with_their_licence():
    text = importlib.resources.files("cnnkit.data.digits").joinpath("LICENSE.md").read_text("utf-8")
    for word in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "What was changed"):
        assert word in text


def test_bright_dark_as_published():
    dataset = load("bright-dark")
    x, labels = dataset.batch("train", np.arange(10), "float64")
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 5)
    assert dataset.class_names == ("dark", "bright")
    assert x.shape == (10, 1, 8, 8)
    assert (x[:5] == [0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.1]).all()
    assert (x[5:] == [0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.7]).all()
    np.testing.assert_array_equal(dataset.split("test").images, dataset.train.images)
