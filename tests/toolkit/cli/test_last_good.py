"""A training that diverges keeps its last good weights, and says where; weights that are not finite are named."""

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.errors import DataError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.training import training

TRAIN = ("train", "--recipe", "bright-dark", "--optimizer", "sgd", "--epochs", "6")
JUMP = ("--learning-rate", "0.01", "--schedule", "step:epochs=3,gamma=1e35")


def all_finite(path) -> bool:
    return all(np.isfinite(tensor.read()).all() for tensor in exporters.read(path))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("every", ["0", "1"])
def test_the_file_has_the_weights_before_the_divergence(cnnkit, tmp_path, backend, every) -> None:
    result = cnnkit(*[*TRAIN, *JUMP, "--backend", backend, "--checkpoint-every", every, "-o", "w.h5"])
    assert result.status == 2
    assert "not finite" in result.err
    assert "(step 5)" in result.err
    assert "kept are the weights after 4 epochs, in w.h5: try a lower --learning-rate" in result.err
    file = exporters.read(tmp_path / "w.h5")
    assert (file.position["epoch"], file.position["batch"]) == (4, 0)
    assert all_finite(tmp_path / "w.h5")
    before = (tmp_path / "w.h5").read_bytes()
    again = cnnkit(*["train", "--resume", "-o", "w.h5"])
    assert again.status == 2
    assert "there is nothing new to keep, w.h5 is as it was before" in again.err
    assert (tmp_path / "w.h5").read_bytes() == before


def test_an_older_file_stays_where_no_step_succeeds(cnnkit, tmp_path) -> None:
    assert cnnkit(*[*TRAIN, "-o", "w.h5"]).status == 0
    before = (tmp_path / "w.h5").read_bytes()
    result = cnnkit(*[*TRAIN, "--learning-rate", "1e300", "-o", "w.h5", "--overwrite"])
    assert result.status == 2
    assert "step 1: with the learning rate 1e+300 the update is beyond float32" in result.err
    assert (tmp_path / "w.h5").read_bytes() == before
    assert "new.h5 was not written" in cnnkit(*[*TRAIN, "--learning-rate", "1e300", "-o", "new.h5"]).err
    assert not (tmp_path / "new.h5").exists()


def spoil(path, name: str, value: float) -> None:
    file = exporters.read(path)
    tensors = []
    for tensor in file:
        array = tensor.read().copy()
        if tensor.name == name and tensor.kind == "parameter":
            array.reshape(-1)[0] = value
        about = {"layer": tensor.layer, "kind": tensor.kind, "role": tensor.role, "axes": tensor.axes}
        tensors.append(Tensor.of(tensor.name, array, **about))
    spoiled = WeightFile(tuple(tensors), file.architecture, file.metadata, file.position)
    exporters.write(spoiled, path, overwrite=True)


def test_weights_that_are_not_finite_are_named_by_every_command(cnnkit, tmp_path) -> None:
    assert cnnkit(*[*TRAIN, "-o", "w.h5", "--epochs", "1"]).status == 0
    spoil(tmp_path / "w.h5", "0.weight", np.nan)
    said = "1 of 144 values of 0.weight are not finite, the first is nan"
    for command in (
        ["predict", "w.h5"],
        ["evaluate", "w.h5"],
        ["train", "--resume", "-o", "w.h5", "--epochs", "2"],
        ["train", "--recipe", "bright-dark", "--init-from", "w.h5", "-o", "new.h5"],
    ):
        result = cnnkit(*command)
        assert (result.status, said in result.err) == (2, True), command
    assert not (tmp_path / "new.h5").exists()
    assert "nan" in cnnkit(*["inspect", "w.h5"]).out.lower()


@pytest.mark.parametrize("error", [DataError("pics/3.png: gone"), OSError(5, "Input/output error"), ValueError("oh")])
def test_data_that_vanish_during_a_training_lose_nothing(cnnkit, tmp_path, monkeypatch, error) -> None:
    validate, calls = training.loss_and_accuracy, []

    def fail(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 3:
            raise error
        return validate(*arguments, **options)

    words = ["train", "--recipe", "digits-cnn", "--limit", "200", "--epochs", "4", "--checkpoint-every", "0"]
    with monkeypatch.context() as patch:
        patch.setattr(training, "loss_and_accuracy", fail)
        result = cnnkit(*[*words, "-o", "w.h5"])
    assert result.status == 2
    assert "everything so far is in w.h5: continue with: cnnkit train --resume -o w.h5" in result.err
    assert exporters.read(tmp_path / "w.h5").position["epoch"] == 2
    assert cnnkit("train", "--resume", "-o", "w.h5").status == 0
    assert cnnkit(*[*words, "-o", "whole.h5"]).status == 0
    assert cnnkit("diff", "w.h5", "whole.h5").status == 0
