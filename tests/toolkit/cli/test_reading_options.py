"""How data are read, as the options say, and as the weight file remembers."""

import numpy as np
import pytest
from PIL import Image

from cnnkit import exporters

NET = """
input_shape = [3, 8, 6]
[training]
epochs = 2
batch_size = 4
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = 2
"""


@pytest.fixture
def mixed(tmp_path):
    """Two classes of grey pictures of several sizes, and a net on colour pictures of 6 x 8."""
    rng = np.random.default_rng(2)
    for at, name in enumerate(["train/a/1", "train/a/2", "train/b/1", "train/b/2", "test/a/1", "test/b/1"]):
        path = tmp_path / "mixed" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9 + at, 12), np.uint8)).save(path)
    (tmp_path / "net.toml").write_text(NET)
    return tmp_path / "mixed"


def test_pictures_are_resized_alike_in_training_evaluation_and_prediction(cnnkit, mixed):
    net = mixed.parent / "net.toml"
    refused = cnnkit("train", "--model", net, "--data", mixed, "-o", "w.h5")
    assert refused.status == 2
    assert "--resize 12x9 brings all to one size" in refused.err
    trained = cnnkit(
        "train", "--model", net, "--data", mixed, "--resize", "6x8", "--fit", "pad", "-o", "w.h5", "--json"
    )
    assert trained.status == 0
    assert "6 of 6 pictures of 12 x 9 to 14 pixels resized to 6 x 8 (pad), 0" not in trained.err
    assert "6 of 6 pictures in grey made colour, as the network takes them" in trained.err
    assert exporters.read("w.h5").metadata["data"]["reading"] == {"resize": [8, 6, "pad"]}
    same = cnnkit("evaluate", "w.h5", "--data", mixed, "--json").json
    assert same["loss"] == pytest.approx(trained.json["test"]["loss"], abs=1e-12)
    other = cnnkit("evaluate", "w.h5", "--data", mixed, "--resize", "6x8", "--fit", "stretch", "--json").json
    assert other["loss"] != same["loss"]
    indexed = cnnkit("predict", "w.h5", "--data", mixed, "--index", "1", "--json").json["predictions"][0]
    pictured = cnnkit("predict", "w.h5", "--image", mixed / "test/b/1.png", "--json").json["predictions"][0]
    np.testing.assert_allclose(pictured["probabilities"], indexed["probabilities"], rtol=1e-6)
    resumed = cnnkit("train", "--resume", "-o", "w.h5", "--data", mixed, "--epochs", "3")
    assert resumed.status == 0
    assert "other images" not in resumed.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--resize", "big"], "resize: expected a size such as 64 or 64x48"),
        (["--fit", "pad"], "--fit pad: says how pictures are resized: give --resize SIZE too"),
        (["--resize", "8", "--fit", "cut"], "fit: expected one of crop, pad, stretch, got 'cut'"),
        (["--resize", "8"], "digits: expected pictures, since --resize is given, got arrays of one size"),
    ],
)
def test_each_wrong_option_is_one_line(cnnkit, options, said):
    for command in (["train", "--data", "digits", "-o", "w.h5"], ["data", "show", "digits"]):
        refused = cnnkit(*command, *options)
        assert refused.status == 2
        assert said in refused.err
        assert refused.err.count("\n") == 1


def test_a_reading_that_a_weight_file_cannot_have_is_refused(cnnkit, mixed):
    """A file may come from elsewhere: what it says of sizes allocates nothing."""
    options = ("--resize", "6x8", "-o", "w.h5", "-q")
    assert cnnkit("train", "--model", mixed.parent / "net.toml", "--data", mixed, *options).status == 0
    file = exporters.read("w.h5")
    file.metadata["data"]["reading"] = {"resize": [1 << 30, 1 << 30, "pad"]}
    exporters.write(file, "bad.h5", "hdf5")
    refused = cnnkit("evaluate", "bad.h5", "--data", mixed)
    assert refused.status == 2
    assert "bad.h5: metadata data: resize: expected sides of 1 to 4096 pixels, got 1073741824" in refused.err
