from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion"])
def test_a_test_image(cnnkit, trained, folder, method):
    told = cnnkit("attend", trained, "--index", 3, "--method", method, "-o", "heat.png", "--json").json
    heat = np.array(told["heat"])
    assert heat.shape == (8, 8)
    assert told["class"] == cnnkit("predict", trained, "--index", 3, "--json").json["predictions"][0]["predicted"]
    assert heat[tuple(told["strongest"])] == heat.max()
    with Image.open(folder / "heat.png") as picture:
        assert picture.width > 3 * 280
    assert f"class {told['class']}" in cnnkit("attend", trained, "--index", 3, "--method", method).out


def test_my_picture_and_a_class_of_my_choice(cnnkit, trained, folder):
    Image.fromarray(np.uint8(np.random.default_rng(0).integers(0, 256, (24, 24)))).save(folder / "mine.png")
    told = cnnkit("attend", trained, "--image", "mine.png", "--class", "7", "--layer", "1", "-o", "a.svg", "--json")
    assert (told.json["class"], told.json["layer"]) == (7, "1")
    root = ElementTree.fromstring((folder / "a.svg").read_text())
    assert len([e for e in root.iter() if e.tag.endswith("image")]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--class", "10"), "--class: expected 0 to 9, got 10"),
        (("--class", "cat"), "--class: expected a number or one of the names of classes, got 'cat'"),
        (("--layer", "5"), "--layer: expected a layer that gives maps"),
        (("--layer", "1", "--method", "saliency"), "--layer: is for --method grad-cam"),
        (("--patch", "3"), "--patch: is for --method occlusion"),
        (("--patch", "9", "--method", "occlusion"), "--patch: expected at most 8"),
        (("--stride", "3", "--method", "occlusion"), "--stride: expected at most the patch, 2"),
        (("-o", "x.gif"), "expected a name that ends with .png or .svg"),
    ],
)
def test_refusals(refused, trained, arguments, message):
    assert message in refused("attend", trained, *arguments)
