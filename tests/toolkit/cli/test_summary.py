import csv
import json
import re
import shutil
from xml.etree import ElementTree

import pytest

from cnnkit import Model


def test_json(cnnkit):
    answer = cnnkit("summary", "--recipe", "lecture-cnn", "--json").json
    assert answer["parameters"] == 1_853_034
    assert answer["input_shape"] == [1, 28, 28]
    assert answer["output_shape"] == [10]
    first, pool = answer["layers"][0], answer["layers"][3]
    assert first["multiply_adds"] == 32 * 29 * 29 * 4
    assert first["output_size"] == "(28 - 2 + 2*1)/1 + 1 = 29"
    assert pool["receptive_field"] == [4, 4]
    assert answer["layers"][1]["output_size"] is None
    assert answer["memory"]["parameter_bytes"] == 4 * 1_853_034
    assert answer["memory"]["batch_size"] == 128


def test_people_see_the_formula_with_its_numbers(cnnkit):
    text = cnnkit("summary", "--recipe", "lecture-cnn").out
    assert "1,853,034 parameters" in text
    assert "O = (N - F + 2P)/S + 1" in text
    settings = text.partition("settings, and sizes")[2]
    assert re.search(r"0 Conv2D +features=32 window=2 padding=1 +\(28 - 2 \+ 2\*1\)/1 \+ 1 = 29\n", settings)
    assert "64 x 15 x 15" in text


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        ("window = 5, stride = 2", "(28 - 5 + 2*0)/2 + 1 = 12.5, so 12: 1 left over"),
        ('window = 3, stride = 2, padding = "same"', "(28 - 3 + 1)/2 + 1 = 14"),
        ("window = 3, dilation = 2", "(28 - 5 + 2*0)/1 + 1 = 24"),
        ("window = [3, 1]", "H: (28 - 3 + 2*0)/1 + 1 = 26; W: (28 - 1 + 2*0)/1 + 1 = 28"),
    ],
)
def test_output_sizes(cnnkit, folder, layer, formula):
    net = f'input_shape = [1, 28, 28]\nlayers = [{{type = "Conv2D", features = 2, {layer}}}]\n'
    (folder / "net.toml").write_text(net)
    assert formula in cnnkit("summary", "--model", "net.toml").out


def test_input_shape(cnnkit):
    for text in ("3,32,32", "3x32x32", "3, 32, 32"):
        answer = cnnkit("summary", "--recipe", "lenet5", "--input-shape", text, "--json").json
        assert answer["input_shape"] == [3, 32, 32]
        assert answer["layers"][0]["parameters"] == 6 * 3 * 25 + 6


def test_a_weight_file(cnnkit, trained, folder):
    answer = cnnkit("summary", trained, "--json").json
    assert answer["parameters"] == 410
    assert answer["memory"]["batch_size"] == 50
    shutil.copy(trained, folder / "weights.h5")
    assert "weights.h5: input 1 x 8 x 8, output 10" in cnnkit("summary").out


def test_other_forms(cnnkit):
    answer = cnnkit("summary", "--recipe", "lenet5", "--json").json
    layers, settings = cnnkit("summary", "--recipe", "lenet5", "--format", "csv").out.split("\n\n")
    rows = list(csv.DictReader(layers.splitlines()))
    assert [int(row["parameters"]) for row in rows] == [layer["parameters"] for layer in answer["layers"]]
    assert next(csv.reader(settings.splitlines())) == ["layer", "settings", "size"]
    assert "& 1 x 28 x 28" not in cnnkit("summary", "--recipe", "lenet5", "--format", "latex").out
    assert "| 0 Conv2D | 6 x 28 x 28 |" in cnnkit("summary", "--recipe", "lenet5", "--format", "markdown").out


def test_every_recipe(cnnkit):
    names = [r["name"] for r in json.loads(cnnkit("recipes", "--json").out)["recipes"]]
    for name in names:
        assert cnnkit("summary", "--recipe", name).status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--recipe"),
        (("nope.h5",), "nope.h5"),
        (("--recipe", "nope"), "lenet5"),
        (("--recipe", "lenet5", "--model", "net.toml"), "both"),
        (("weights.h5", "--recipe", "lenet5"), "leave one out"),
        (("--recipe", "lenet5", "--input-shape", "big"), "3,32,32"),
        (("--recipe", "lenet5", "--input-shape", "1,4,4"), "Conv2D"),
        (("--recipe", "lenet5", "--input-shape", "28,28"), "Reshape"),
        (("--recipe", "lenet5", "--input-shape", "0,28,28"), "3,32,32"),
    ],
)
def test_wrong_options_are_refused_in_one_line(refused, options, said):
    assert said in refused("summary", *options)


@pytest.mark.parametrize("recipe", ["lenet5", "mini-resnet", "scratch-mlp"])
def test_the_figure_of_a_network_without_weights(cnnkit, folder, recipe):
    told = cnnkit("summary", "--recipe", recipe, "-o", "net.svg", "--json").json
    assert told["out"] == "net.svg"
    root = ElementTree.parse(folder / "net.svg").getroot()
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == [recipe, f"{told['parameters']:,} parameters"]
    drawn = [int(text.split()[0].replace(",", "")) for text in texts[2:] if text.endswith(" parameters")]
    assert sum(drawn) == told["parameters"]
    assert "×".join(map(str, told["input_shape"])) in texts
    assert not list(root.iter("{http://www.w3.org/2000/svg}metadata"))
    assert float(root.attrib["width"]) <= 1240


def test_the_place_of_the_figure(refused, cnnkit, folder):
    assert ".svg" in refused("summary", "--recipe", "lenet5", "-o", "net.png")
    (folder / "net.svg").write_text("mine")
    assert "--overwrite" in refused("summary", "--recipe", "lenet5", "-o", "net.svg")
    assert cnnkit("summary", "--recipe", "lenet5", "-o", "net.svg", "--overwrite").status == 0


def write_net(folder, features):
    text = (
        f'name = "big"\ndata = "digits"\ninput_shape = [1, 8, 8]\n[[layers]]\ntype = "Conv2D"\nfeatures = {features}\n'
    )
    (folder / "big.toml").write_text(
        text + 'window = 3\n[[layers]]\ntype = "Flatten"\n[[layers]]\ntype = "Dense"\nfeatures = 10\n'
    )


def test_a_network_that_no_machine_can_hold_is_counted(cnnkit, folder):
    write_net(folder, 4_000_000_000_000_000)
    answer = cnnkit("summary", "--model", "big.toml", "--json").json
    assert answer["parameters"] == 4 * 10**15 * 10 + (4 * 10**15 * 36 + 1) * 10
    assert "1,480,000,000,000,000,010 parameters" in cnnkit("summary", "--model", "big.toml").out


@pytest.mark.parametrize("command", ["train", "gradcheck"])
def test_its_weights_are_not_drawn(refused, folder, command):
    write_net(folder, 4_000_000_000_000_000)
    line = refused(command, "--model", "big.toml")
    assert "the largest is 2.weight of shape (10, 144000000000000000): give that layer fewer features" in line


@pytest.mark.parametrize("command", ["train", "gradcheck", "summary"])
def test_an_axis_longer_than_arrays_have_is_refused(refused, folder, command):
    write_net(folder, 99999999999999999999999)
    line = refused(command, "--model", "big.toml")
    assert "Conv2D: expected features to be a whole number <= 2**63 - 1, got 99999999999999999999999" in line


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"options": {"batch_size": []}}, "metadata run: batch_size: expected a whole number, got []"),
        ({"options": {"batch_size": 0}}, "metadata run: batch_size: expected >= 1, got 0"),
        ({"options": {"batch_size": 1e300}}, "metadata run: batch_size: expected a whole number, got 1e+300"),
        ({"options": {"optimizer": 7}}, "metadata run: optimizer: expected a text"),
        ({"options": {"optimizer": "adam:beta1=x"}}, "metadata run: optimizer adam: beta1: expected float, got 'x'"),
    ],
)
def test_a_file_that_tells_of_a_training_that_cannot_be_is_refused(refused, trained, folder, run, message):
    model = Model.load(trained)
    model.metadata["run"] = run
    model.save(folder / "told.h5")
    assert f"told.h5: {message}" in refused("summary", "told.h5")


@pytest.mark.parametrize("run", [None, [], {"options": []}, {"options": {"epochs": "many"}}])
def test_a_file_that_tells_nothing_has_the_defaults(cnnkit, trained, folder, run):
    model = Model.load(trained)
    model.metadata["run"] = run
    model.save(folder / "told.h5")
    assert cnnkit("summary", "told.h5", "--json").json["memory"]["batch_size"] == 32
