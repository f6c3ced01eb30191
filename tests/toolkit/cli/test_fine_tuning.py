"""`cnnkit train --freeze` and `--replace-head`: the network of a file goes on with other classes, its body as it is."""

import numpy as np
import pytest

from cnnkit import Model, exporters, load_data
from cnnkit.errors import CnnkitError
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, GlobalAvgPool2D, ReLU, Residual, Sequential
from cnnkit.recipes.head import replace_head

FEW = ("--epochs", 1, "--limit", 100, "--batch-size", 50)


def described(*layers):
    return Model(Sequential(layers), (1, 8, 8)).to_weights().architecture


def test_the_head_is_new_and_the_frozen_body_stays(cnnkit, trained):
    result = cnnkit("train", "--init-from", trained, "--replace-head", 10, "--freeze", "0", "-o", "tuned.h5", *FEW)
    assert result.status == 0, result
    assert "5 is made anew for 10 classes" in result.err
    assert "frozen: 40 parameters of 410, in 0" in result.err
    assert "newly drawn: 5.weight (not in the file), 5.bias (not in the file)" in result.err
    before, after = Model.load(trained).weights, Model.load("tuned.h5").weights
    np.testing.assert_array_equal(before["0.weight"], after["0.weight"])
    assert np.abs(before["5.weight"] - after["5.weight"]).max() > 0.05
    again = cnnkit(
        "train", "--init-from", trained, "--replace-head", 10, "--freeze", "0", "-o", "tuned.h5", *FEW, "--json"
    )
    assert again.json["skipped"]


def test_a_resumed_training_keeps_what_is_frozen(cnnkit, trained):
    start = ("train", "--init-from", trained, "--replace-head", 10, "--freeze", "0", "-o", "tuned.h5", *FEW)
    cnnkit(*start)
    result = cnnkit("train", "--resume", "-o", "tuned.h5", "--epochs", 2)
    assert result.status == 0, result
    assert "frozen: 40 parameters" in result.err
    before, after = Model.load(trained).weights, Model.load("tuned.h5").weights
    np.testing.assert_array_equal(before["0.weight"], after["0.weight"])
    other = cnnkit("train", "--resume", "-o", "tuned.h5", "--epochs", 3, "--freeze", "5")
    assert other.status == 2
    assert "freeze: ['0'], now ['5']" in other.err


def test_another_number_of_classes(cnnkit, trained, folder):
    digits = load_data("digits")
    chosen = digits.train.labels < 3
    images, labels = np.asarray(digits.train.images)[chosen], digits.train.labels[chosen]
    np.savez(folder / "three.npz", x_train=images, y_train=labels)
    words = ("--replace-head", 3, "--freeze", "0", "--data", "three.npz", "-o", "three.h5", "--learning-rate", 0.01)
    assert cnnkit("train", "--init-from", trained, *words).status == 0
    figures = cnnkit("evaluate", "three.h5", "--split", "train", "--json").json
    assert figures["accuracy"] > 0.9
    assert len(figures["classes"]) == 3


def test_a_pointwise_convolution_is_a_head():
    description, path = replace_head(described(Conv2D(4, 3), ReLU(), Conv2D(10, 1), GlobalAvgPool2D()), 3)
    assert path == "2"
    assert description["layers"][2]["features"] == 3
    assert description["layers"][3]["output_shape"] == [3]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((ReLU(), Flatten()), "no layer with weights"),
        ((Conv2D(4, 3), Flatten()), "0, is Conv2D, expected Dense or a convolution of 1 x 1"),
        ((Flatten(), Dense(4), BatchNorm()), "2, is BatchNorm"),
        ((Residual(Sequential((Conv2D(1, 1),))), Flatten()), r"outputs are of shape|expected"),
    ],
)
def test_what_has_no_head_is_refused(layers, said):
    with pytest.raises(CnnkitError, match=said):
        replace_head(described(*layers), 3)


def test_options_that_do_not_go_together(refused, trained, net_toml):
    assert "expected --init-from FILE" in refused("train", "--replace-head", 3)
    assert "leave --model out" in refused("train", "--replace-head", 3, "--init-from", trained, "--model", net_toml)
    assert "leave --recipe out" in refused("train", "--replace-head", 3, "--init-from", trained, "--recipe", "lenet5")
    assert "matches no tensor or layer" in refused("train", "--model", net_toml, "--freeze", "conv9")
    assert "the data have 10 classes" in refused("train", "--replace-head", 3, "--init-from", trained, "-o", "x.h5")


def test_the_file_s_scaling_stays(cnnkit, trained, folder):
    file = exporters.read(trained)
    stored = {"offset": 8.0, "factor": 0.125}
    changed = type(file)(file.tensors, file.architecture, {**file.metadata, "scaling": stored})
    exporters.write(changed, folder / "other.h5")
    result = cnnkit("train", "--init-from", "other.h5", "--replace-head", 10, "-o", "tuned.h5", *FEW)
    assert "pixels are scaled as in training, (raw - 8) * 0.125" in result.err
    assert exporters.read(folder / "tuned.h5").metadata["scaling"] == stored


def test_the_scaling_is_chosen(cnnkit, trained, refused):
    plain = cnnkit("evaluate", trained, "--json").json
    other = cnnkit("evaluate", trained, "--scaling", "tf", "--json").json
    assert plain["accuracy"] > 0.5 > other["accuracy"]
    assert "is of 3 channels" in refused("predict", trained, "--scaling", "imagenet")
    assert "expected one of imagenet, mnist, 0-1, tf, caffe, none" in refused("evaluate", trained, "--scaling", "vgg")
