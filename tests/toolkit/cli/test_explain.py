from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cnnkit import exporters


def test_a_convolution_in_numbers(cnnkit, trained):
    found = cnnkit("explain", trained, "0", "--index", 3, "--at", "2,4", "--channel", 1, "--json").json
    (window,) = found["windows"]
    file = exporters.read(trained)
    assert np.array_equal(np.float32(window["weight"]), file["0.weight"].read()[1, 0])
    total = float((np.array(window["x"]) * np.array(window["weight"])).sum())
    assert found["own"] == pytest.approx(total + float(file["0.bias"].read()[1]), abs=1e-6)
    assert found["agrees"]
    assert found["seen"] == [[2, 5], [4, 7]]
    assert found["following"] == {"layer": "1", "type": "ReLU", "value": max(found["own"], 0.0)}
    out = cnnkit("explain", trained, "0", "--index", 3, "--at", "2,4", "--channel", 1).out
    assert "sees rows 2 to 4, columns 4 to 6 of the picture" in out
    assert f"{found['computed']:.9g}" in out


def test_a_picture_of_mine_drawn(cnnkit, trained, folder):
    Image.fromarray(np.uint8(np.random.default_rng(0).integers(0, 256, (20, 20)))).save(folder / "mine.png")
    told = cnnkit("explain", trained, "5", "--image", "mine.png", "-o", "why.svg", "--json")
    root = ElementTree.fromstring((folder / "why.svg").read_text())
    words = "".join(root.itertext())
    assert "layer 5 (Dense)" in words
    assert f"{told.json['computed']:.9g}" in words
    assert cnnkit("explain", trained, "5", "-o", "why.svg").status == 2, "it exists"
    assert cnnkit("explain", trained, "5", "-o", "why.svg", "--overwrite").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "1;2"), "--at: expected whole numbers >= 0 such as 3,4, got '1;2'"),
        (("--at", "9,9"), "--at: expected a place of 2 numbers, 0 to 5, 0 to 5, got 9,9"),
        (("--channel", "4"), "--channel: expected 0 to 3, got 4"),
        (("--index", "0", "--image", "x.png"), "expected --image or --index, got both"),
        (("-o", "x.png"), "x.png: expected a name that ends with .svg"),
    ],
)
def test_refusals(refused, trained, arguments, message):
    assert message in refused("explain", trained, "0", *arguments)
