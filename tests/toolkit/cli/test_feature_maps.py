"""`cnnkit show` with a picture or a data set, and `export --activations` with a picture."""

import numpy as np
import pytest
from PIL import Image

from cnnkit import exporters
from cnnkit.model import Model


@pytest.fixture
def mine(folder):
    Image.fromarray(np.uint8(np.random.default_rng(0).integers(0, 256, (24, 24)))).save(folder / "mine.png")
    return "mine.png"


def test_maps_of_a_test_image(cnnkit, trained):
    (told,) = cnnkit("show", trained, "0", "--index", 3, "--values", "--json").json["tensors"]
    assert (told["unit"], told["map"], len(told["units"])) == ("channel", [6, 6], 4)
    explained = cnnkit("explain", trained, "0", "--index", 3, "--at", "2,4", "--channel", 1, "--json").json
    assert told["units"][1]["values"][0][2][4] == pytest.approx(explained["own"], abs=1e-6)
    out = cnnkit("show", trained, "0", "--index", 3, "--unit", 2).out
    assert out.count("channel 2") == 1
    assert "test image 3" in out


def test_maps_of_my_picture(cnnkit, trained, folder, mine):
    assert cnnkit("show", trained, "*", "--image", mine, "-o", "maps.png").status == 0
    with Image.open(folder / "maps.png") as picture:
        assert picture.height > 1000, "all six layers"
    told = cnnkit("show", trained, "*", "--image", mine, "--json").json
    assert [tensor["name"] for tensor in told["tensors"]] == ["0", "1", "2", "3", "4", "5"]


def test_what_excites_the_filters(cnnkit, trained, folder):
    told = cnnkit("show", trained, "0", "--excite", 9, "--limit", 50, "-o", "windows.png", "--json").json
    assert (told["split"], told["samples"], len(told["channels"])) == ("train", 50, 4)
    windows = told["channels"][2]["windows"]
    assert len(windows) == 9
    assert [w["value"] for w in windows] == sorted((w["value"] for w in windows), reverse=True)
    first = windows[0]
    assert first["seen"] == [[p, p + 3] for p in first["at"]]
    again = cnnkit(
        "explain", trained, "0", "--index", first["index"], "--split", "train", "--channel", 2, "--json"
    ).json  # fmt: skip
    assert (again["index"], again["own"]) == ([2, *first["at"]], pytest.approx(first["value"], abs=1e-6))
    with Image.open(folder / "windows.png") as picture:
        assert picture.width > 9 * 72
    assert "images" not in cnnkit("show", trained, "5", "--excite", 2, "--unit", 7, "--limit", 20).err


def test_activations_of_my_picture_are_exported(cnnkit, trained, folder, mine):
    assert cnnkit("export", trained, "-o", "net.svg", "--activations", mine).status == 0
    file = exporters.read(folder / "net.svg")
    sample = file.metadata["sample"]
    assert (sample["name"], sample["label"]) == ("the picture mine.png", None)
    x = next(tensor for tensor in file if tensor.name == "input").read()
    assert int(Model.load(trained).predict(x[None])[0]) == sample["predicted"]
    assert "activations of the picture mine.png" in (folder / "net.svg").read_text()


def test_refusals(refused, trained, mine):
    assert "LAYER: expected a layer of the network: 0, 1" in refused("show", trained, "conv", "--image", mine)
    assert "expected --image or --index, got both" in refused("show", trained, "0", "--image", mine, "--index", 1)
    assert "--excite: looks through a data set: leave --image out" in refused(
        "show", trained, "0", "--excite", 3, "--image", mine
    )
    assert "--limit: counts the images of --excite" in refused("show", trained, "0", "--limit", 3)
    assert "--unit: expected 0 to 3, got 4" in refused("show", trained, "0", "--excite", 3, "--unit", 4)
    assert "expected a picture, found no such file" in refused(
        "export", trained, "-o", "x.svg", "--activations", "none.png"
    )
