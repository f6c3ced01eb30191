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


ROWS = """
input_shape = [2]
[training]
epochs = 30
batch_size = 5
learning_rate = 0.05
loss = "{loss}"
[[layers]]
type = "Dense"
features = {outputs}
"""


@pytest.fixture
def table(tmp_path):
    """Rows with y = 2 a - b, and whether it is positive; the same rows for prediction, in another order."""
    rng = np.random.default_rng(3)
    rows = [(a, b, 2 * a - b, "yes" if 2 * a > b else "no") for a, b in rng.normal(size=(40, 2)).round(3)]
    for name, header, columns in (("y", "a,b,y", (0, 1, 2)), ("w", "a,b,w", (0, 1, 3)), ("new", "b,id,a", (1, 1, 0))):
        lines = [",".join(str(row[at]) for at in columns) for row in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines, ""]))
    for name, loss, outputs in (("y", "mean_squared_error", 1), ("w", "softmax_cross_entropy", 2)):
        (tmp_path / f"{name}.toml").write_text(ROWS.format(loss=loss, outputs=outputs))
    return tmp_path


@pytest.mark.parametrize("name", ["y", "w"])
def test_a_table_is_trained_on_resumed_and_predicted_by_the_names_of_its_columns(cnnkit, table, name):
    data = table / f"{name}.csv"
    options = ("--model", table / f"{name}.toml", "--data", data, "--target", name, "-o", "w.h5", "-q")
    assert cnnkit("train", *options).status == 0
    kept = exporters.read("w.h5").metadata["data"]["reading"]
    assert kept == {"target": [name], "columns": ["a", "b"]}
    assert cnnkit("train", "--resume", "-o", "w.h5", "--data", data, "--epochs", "31").status == 0
    known = cnnkit("predict", "w.h5", "--data", data, "--index", "3", "--json").json["predictions"][0]
    shown = cnnkit("predict", "w.h5", "--data", table / "new.csv", "--index", "3")
    assert f"has no column {name}: there is nothing to compare predictions with" in shown.err
    new = cnnkit("predict", "w.h5", "--data", table / "new.csv", "--index", "3", "--json").json["predictions"][0]
    assert new["predicted"] == known["predicted"]
    refused = cnnkit("evaluate", "w.h5", "--data", table / "new.csv", "--split", "train")
    assert f"new.csv: has no column {name} to compare predictions with: cnnkit predict" in refused.err
    if name == "y":
        a, b, y = (float(cell) for cell in data.read_text().split("\n")[4].split(","))
        assert known["predicted"] == pytest.approx([y], abs=0.2)
        assert f"y {known['predicted'][0]:.6g}" in shown.out
        assert f"{a:.6g} {b:.6g}\n" in shown.out
    else:
        assert (new["label"], known["label_name"]) == (None, ["no", "yes"][known["predicted"]])
        assert f"class {known['predicted']} ({known['label_name']})" in shown.out


def test_a_table_without_its_target_is_refused_where_one_is_told(cnnkit, table):
    refused = cnnkit(
        "train", "--model", table / "y.toml", "--data", table / "new.csv", "--target", "price", "-o", "w.h5"
    )
    assert refused.status == 2
    assert "line 1: expected a column 'price', the target, got the columns b, id, a" in refused.err


def test_signals_by_the_networks_input(cnnkit, tmp_path):
    (tmp_path / "s.toml").write_text(NET.replace("[3, 8, 6]", "[2, 9]").replace("features = 2", "features = 3"))
    np.savez(tmp_path / "s.npz", x_train=np.random.default_rng(0).normal(size=(12, 2, 9)), y_train=np.arange(12) % 3)
    assert cnnkit("train", "--model", tmp_path / "s.toml", "--data", tmp_path / "s.npz", "-o", "s.h5", "-q").status == 0
    assert "train sample 0" in cnnkit("predict", "s.h5", "--data", tmp_path / "s.npz").out
    refused = cnnkit(
        "train", "--model", tmp_path / "s.toml", "--data", tmp_path / "s.npz", "--layout", "HWC", "-o", "t.h5"
    )
    assert "expected samples of 3 axes, as layout HWC says" in refused.err


def test_signals_and_volumes_are_drawn(cnnkit, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "v.npz", x_train=rng.random((4, 1, 2, 3, 5)), y_train=np.arange(4) % 2)
    drawn = cnnkit("data", "show", "v.npz", "--split", "train")
    assert drawn.status == 0
    assert len(drawn.out.splitlines()) == 1 + 3  # the middle slice
    drawn = cnnkit("data", "show", "signals")
    assert drawn.status == 0
    assert len(drawn.out.splitlines()) == 2
