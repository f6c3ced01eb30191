"""The weights that a do-it-yourself CNN in Rust published, with the figures that it printed."""

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("CNNKIT_DATA_DIR", "")
PESOS = Path(FOLDER) / "diy-cnn" / "pesos.json"
PRINTED = [
    9.21565e-5, 0.00017337395, 0.007715295, 0.015219106, 0.000297992, 2.2828715e-5, 0.0006794478, 0.9792802,
    0.033919033, 0.0019736418,
]  # fmt: skip

pytestmark = [
    pytest.mark.mnist,
    pytest.mark.skipif(not (FOLDER and PESOS.is_file()), reason="CNNKIT_DATA_DIR has no diy-cnn/pesos.json"),
]


@pytest.mark.parametrize("backend", ["numpy", "torch", "reference"])
def test_the_ten_outputs(cnnkit, backend):
    result = cnnkit("predict", PESOS, "--data", "mnist", "--index", 0, "--json", "--backend", backend)
    (judged,) = result.json["predictions"]
    assert judged["outputs"] == pytest.approx(PRINTED, abs=1e-6)
    assert judged["predicted"] == judged["label"] == 7


def test_the_error_on_the_first_200_images(cnnkit):
    judged = cnnkit("evaluate", PESOS, "--limit", 200, "--json").json
    assert judged["mse"] == pytest.approx(0.076310, abs=1e-6)
    assert judged["accuracy"] == 0.375


def test_exported_it_says_the_same(cnnkit):
    assert cnnkit("export", PESOS, "-o", "copy.h5").status == 0
    judged = cnnkit("predict", "copy.h5", "--json").json["predictions"][0]
    assert judged["outputs"] == pytest.approx(PRINTED, abs=1e-6)
    layers = cnnkit("inspect", "copy.h5", "--json").json["layers"]
    assert [layer["type"] for layer in layers] == ["Conv2D", "Sigmoid", "MaxPool2D", "Flatten", "Dense", "Sigmoid"]
