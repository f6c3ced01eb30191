"""`cnnkit train --layer-rate`: rates of layers on the command line, in TOML and in a resume; what a plateau needs."""

import numpy as np
import pytest

from cnnkit import Model

FEW = ("--epochs", 1, "--limit", 100, "--batch-size", 50)


def test_a_layer_with_a_small_rate_moves_little(cnnkit, trained, net_toml):
    def moved(*words):
        start = ("train", "--model", net_toml, "--init-from", trained, "-o", "tuned.h5", "--overwrite")
        assert cnnkit(*start, *FEW, *words).status == 0
        before, after = Model.load(trained).weights, Model.load("tuned.h5").weights
        return {name: np.abs(before[name] - after[name]).max() for name in before}

    plain, tuned = moved(), moved("--layer-rate", "*=0.001", "--layer-rate", "5=1")
    assert tuned["0.weight"] < plain["0.weight"] / 100
    assert tuned["5.weight"] > plain["5.weight"] / 10


def test_a_file_keeps_its_rates(cnnkit, net_toml):
    start = ("train", "--model", net_toml, "-o", "tuned.h5", "--layer-rate", "0=0.1", "--layer-rate", "5=2", *FEW)
    assert cnnkit(*start).status == 0
    assert cnnkit(*start, "--json").json["skipped"]
    assert cnnkit("train", "--resume", "-o", "tuned.h5", "--epochs", 2).status == 0
    other = cnnkit("train", "--resume", "-o", "tuned.h5", "--epochs", 3, "--layer-rate", "0=0.2")
    assert other.status == 2
    assert "learning_rates: [['0', 0.1], ['5', 2.0]], now [['0', 0.2]]" in other.err


def test_rates_in_toml(cnnkit, net_toml, folder):
    text = net_toml.read_text("utf-8")
    assert "[training]\n" in text
    changed = text.replace("[training]\n", '[training]\nlearning_rates = {"0" = 0.5, "*.bias" = 2}\n')
    (folder / "rates.toml").write_text(changed, "utf-8")
    result = cnnkit("train", "--model", "rates.toml", *FEW, "-o", "w.h5")
    assert result.status == 0, result
    assert Model.load("w.h5").metadata["run"]["options"]["learning_rates"] == [["0", 0.5], ["*.bias", 2.0]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--layer-rate", "conv9=0.1"), "learning_rates: 'conv9' matches no tensor or layer with weights: 0"),
        (("--layer-rate", "0"), "'features.*=0.1'"),
        (("--layer-rate", "0=0"), "expected a finite factor above 0 for '0'"),
        (("--layer-rate", "0=slow"), "got 'slow'"),
        (("--schedule", "plateau", "--validation-split", 0), "schedule plateau: expected images to validate on"),
        (
            ("--schedule", "warmup:then=plateau", "--validation-split", 0),
            "schedule warmup: expected images to validate",
        ),
        (("--optimizer", "adamw:decay_all=maybe"), "decay_all: expected bool, got 'maybe'"),
        (("--optimizer", "lamb:clip_value=-1"), "lamb: expected clip_value >= 0"),
        (("--schedule", "restarts:growth=1.5"), "growth: expected int, got '1.5'"),
        (("--schedule", "exponential"), "expected a value for gamma: type exponential:gamma=..."),
    ],
)
def test_what_cannot_be(cnnkit, options, said, folder):
    result = cnnkit("train", *FEW, *options)
    assert result.status == 2
    assert said in result.err.splitlines()[-1]
    assert not (folder / "weights.h5").exists()
