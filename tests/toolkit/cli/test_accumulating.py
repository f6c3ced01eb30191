"""`cnnkit train --accumulate`, `--leaf`, `--ema` and `--swa` on the command line."""

from pathlib import Path

import numpy as np
import pytest

from cnnkit import Model, exporters


@pytest.fixture
def train(cnnkit, net_toml):
    return lambda *options: cnnkit("train", "--model", net_toml, "--limit", 100, "--epochs", 2, *options)


def test_equal_leaves_are_the_same_training(train) -> None:
    train("--batch-size", 32, "--leaf", 8, "-o", "a.h5")
    train("--batch-size", 8, "--accumulate", 4, "-o", "b.h5")
    one, other = (Model.load(name).weights for name in ("a.h5", "b.h5"))
    assert all(np.array_equal(array, other[name]) for name, array in one.items())
    assert exporters.read(Path("a.h5")).position["step"] == 8


@pytest.mark.parametrize("average", [("--ema", 0.9), ("--swa", 0.5)])
def test_an_average_goes_on_with_its_options(train, cnnkit, average) -> None:
    train(*average, "-o", "w.h5")
    assert "average.params.0.weight" in [tensor.name for tensor in exporters.read(Path("w.h5"))]
    assert cnnkit("train", "--resume", "--epochs", 3, "-o", "w.h5").status == 0
    refused = cnnkit("train", "--resume", "--epochs", 4, average[0], 0.25, "-o", "w.h5")
    assert refused.status == 2
    assert f"{average[0][2:]}: {average[1]}, now 0.25" in refused.err


def test_what_couples_samples_is_said(train, cnnkit) -> None:
    assert "layers that couple" not in train("--batch-size", 8, "--accumulate", 4).err
    Path("norm.toml").write_text(
        'input_shape = [1, 8, 8]\n[[layers]]\ntype = "BatchNorm"\n[[layers]]\ntype = "Flatten"\n'
        '[[layers]]\ntype = "Dense"\nfeatures = 10\n'
    )
    result = cnnkit("train", "--model", "norm.toml", "--limit", 100, "--epochs", 1, "--accumulate", 2, "-o", "n.h5")
    assert result.status == 0
    line = "64 samples an update: layers that couple samples, such as BatchNorm, see one batch of 32 at a time"
    assert line in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--accumulate", 0), "--accumulate"),
        (("--batch-size", 32, "--leaf", 5), "leaf: expected a divisor of the batch size, 32, got 5"),
        (("--ema", 1), "ema: expected above 0 and below 1, got 1.0"),
        (("--swa", 1), "swa: expected in [0, 1), got 1.0"),
        (("--swa", 0.5, "--ema", 0.5), "expected ema or swa, got both: leave one out"),
    ],
)
def test_refusals(train, options, message) -> None:
    result = train(*options)
    assert result.status == 2
    assert message in result.err
    assert not Path("weights.h5").exists()
