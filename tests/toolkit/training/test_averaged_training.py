"""Trainings whose result is an average: validated, kept, saved and evaluated; the live weights train on."""

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import update_bn

from cnnkit import Model, Options, Sequential, Training, exporters, load_data
from cnnkit.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from cnnkit.training import checkpoint
from cnnkit.training.evaluation import loss_and_accuracy
from cnnkit.tree import flatten

NET = Sequential((Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)))
BASE = {"limit": 60, "epochs": 4, "batch_size": 12, "learning_rate": 0.05, "optimizer": "sgd:momentum=0.9"}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def begin(dataset, **options) -> Training:
    return Training(Model(NET, dataset.image_shape, dtype="float64"), dataset, Options(**(BASE | options)))


def live(training: Training) -> dict[str, np.ndarray]:
    host = training.model.to_host
    return flatten(host(training.variables.params)) | flatten(host(training.variables.state))


def follow(training: Training) -> list[dict[str, np.ndarray]]:
    """Return the live weights after each update; the training is done then."""
    trail = []
    while not training.finished:
        for _ in training.epochs(stop=lambda: True):
            pass
        trail.append(live(training))
    return trail


def test_moving_average_of_all_updates(digits) -> None:
    training = begin(digits, ema=0.7, accumulate=2)
    trail = follow(training)
    plain = begin(digits, accumulate=2)
    assert all(np.array_equal(w, trail[-1][n]) for n, w in follow(plain)[-1].items())  # it trains as without
    assert len(trail) == training.position.step == 12
    average = trail[0]
    for n, weights in enumerate(trail[1:], 1):
        decay = min(0.7, (1 + n) / (10 + n))
        average = {name: decay * average[name] + (1 - decay) * array for name, array in weights.items()}
    for name, array in training.model.weights.items():
        np.testing.assert_allclose(array, average[name], rtol=1e-12, atol=1e-14)
        assert not np.array_equal(array, trail[-1][name])


def test_mean_of_the_last_epochs_with_statistics_of_its_own(digits) -> None:
    training = begin(digits, swa=0.5, shuffle=False)
    for report in training.epochs():
        if report.entry["epoch"] <= 2:
            assert all(np.array_equal(w, live(training)[n]) for n, w in training.model.weights.items())
        elif report.entry["epoch"] == 3:
            third = live(training)
    found, last = training.model.weights, live(training)
    for name in flatten(training.variables.params):
        np.testing.assert_allclose(found[name], (third[name] + last[name]) / 2, rtol=1e-12, atol=1e-14)
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(found["0.weight"]))
        net[0].bias.copy_(torch.from_numpy(found["0.bias"]))
    x, _ = digits.batch(digits.train, np.arange(60), "float64")
    update_bn([torch.from_numpy(x[start : start + 12]) for start in range(0, 60, 12)], net)
    np.testing.assert_allclose(found["1.mean"], net[1].running_mean.numpy(), rtol=1e-10)
    np.testing.assert_allclose(found["1.variance"], net[1].running_var.numpy(), rtol=1e-10)
    assert not np.allclose(found["1.variance"], last["1.variance"], rtol=1e-3)


@pytest.mark.parametrize("average", [{"ema": 0.9}, {"swa": 0.25}], ids=["ema", "swa"])
def test_validation_and_the_file_have_the_average(digits, average, tmp_path) -> None:
    training = begin(digits, validation_split=0.3, **average)
    for report in training.epochs():
        model = Model(NET, digits.image_shape, dtype="float64")
        model.scaling = digits.scaling
        judged = []
        for params, state in (training.latest(training.position.epoch), training.variables[:2]):
            model.params, model.state = params, state
            judged.append(loss_and_accuracy(model, training.dataset, "train", training.held_out)[0])
        assert report.entry["validation_loss"] == judged[0]
        averaged = "ema" in average or report.entry["epoch"] > 1
        assert (judged[0] != judged[1]) is averaged
    file = checkpoint.to_weights(training)
    exporters.write(file, tmp_path / "w.h5")
    loaded = Model.load(tmp_path / "w.h5").weights
    assert all(np.array_equal(loaded[name], array) for name, array in training.model.weights.items())
    stored = exporters.read(tmp_path / "w.h5")
    for name, array in live(training).items():
        prefix = "latest.state" if name in ("1.mean", "1.variance") else "latest.params"
        assert np.array_equal(stored[f"{prefix}.{name}"].read(), array)


@pytest.mark.parametrize("average", [{"ema": 0.9}, {"swa": 0.25}], ids=["ema", "swa"])
def test_what_is_frozen_stays_bit_for_bit(digits, average) -> None:
    training = begin(digits, freeze=("0", "1"), **average)
    before = training.model.weights
    list(training.epochs())
    after = training.model.weights
    same = {name for name in before if before[name].tobytes() == after[name].tobytes()}
    assert same == {name for name in before if name[0] in "01"}


def test_weights_of_an_epoch_are_its_average(digits) -> None:
    training = begin(digits, ema=0.9, validation_split=0.3, epochs=2)
    list(training.epochs())
    kept = checkpoint.to_epoch_weights(training).arrays("parameter")
    average = flatten(training.model.to_host(training.variables.average["params"]))
    assert all(np.array_equal(kept[name], array) for name, array in average.items())


def test_a_longer_training_averages_later_epochs(digits, tmp_path) -> None:
    """Of 4 epochs the last two are averaged, of 8 the last four: as if there had been 8 from the start."""
    short = begin(digits, swa=0.5)
    list(short.epochs())
    exporters.write(checkpoint.to_weights(short), tmp_path / "w.h5")
    file = exporters.read(tmp_path / "w.h5")
    model = Model.from_weights(file, dtype="float64")
    longer = checkpoint.resume(model, digits, Options(**(BASE | {"swa": 0.5, "epochs": 8})), file)
    list(longer.epochs())
    whole = begin(digits, swa=0.5, epochs=8)
    list(whole.epochs())
    assert all(np.array_equal(array, whole.model.weights[name]) for name, array in longer.model.weights.items())


def test_the_average_of_a_file_is_needed(digits) -> None:
    from dataclasses import replace

    from cnnkit.errors import WeightFileError

    training = begin(digits, ema=0.9)
    for _ in training.epochs(stop=lambda: True):
        pass
    file = checkpoint.to_weights(training)
    without = replace(file, tensors=tuple(t for t in file.tensors if t.name != "average.params.4.bias"))
    model = Model.from_weights(without, dtype="float64")
    with pytest.raises(WeightFileError, match=r"lacks average\.params\.4\.bias of shape \(10,\)"):
        checkpoint.resume(model, digits, training.options, without)


def test_no_average_of_other_epochs_is_carried_on(digits) -> None:
    """Of 8 epochs the last four are averaged: after 4 of them, 6 would count one more that was not."""
    from cnnkit.errors import WeightFileError

    training = begin(digits, swa=0.5, epochs=8)
    for report in training.epochs():
        if report.entry["epoch"] == 4:
            break
    file = checkpoint.to_weights(training)
    for epochs, fits in ((8, True), (10, True), (6, False)):
        model = Model.from_weights(file, dtype="float64")
        options = Options(**(BASE | {"swa": 0.5, "epochs": epochs}))
        if fits:
            checkpoint.resume(model, digits, options, file)
        else:
            with pytest.raises(
                WeightFileError, match=r"swa 0\.5 of 6 epochs leaves out 3, the average in the file 4: "
            ):
                checkpoint.resume(model, digits, options, file)
