from dataclasses import replace

import numpy as np
import pytest

from cnnkit import Model, Sequential, load_data
from cnnkit.errors import ConfigError, DataError
from cnnkit.layers import Dense, Dropout, Flatten
from cnnkit.training.evaluation import evaluate, loss_and_accuracy
from cnnkit.training.forward_batches import forward_batches

NETWORK = Sequential((Flatten(), Dropout(0.5), Dense(10)))


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module", params=["numpy", "torch"])
def model(request, digits):
    model = Model(NETWORK, (1, 8, 8), backend=request.param, dtype="float64", seed=1)
    model.fit(digits, epochs=1, limit=300, learning_rate=0.01)
    return model


@pytest.fixture(scope="module")
def by_hand(model, digits):
    """Outputs, softmax and labels of the test images, computed from the weights with NumPy alone."""
    x, labels = digits.batch("test", np.arange(360), "float64")
    outputs = x.reshape(360, 64) @ model.weights["2.weight"].T + model.weights["2.bias"]
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return outputs, powers / powers.sum(axis=1, keepdims=True), labels


def test_every_measure_by_hand(model, digits, by_hand) -> None:
    outputs, p, labels = by_hand
    result = evaluate(model, digits)
    assert result.report.images == 360
    assert np.abs(result.scores - p).max() < 1e-12
    assert np.array_equal(result.labels, labels)
    assert result.loss == pytest.approx(-np.log(p[np.arange(360), labels]).mean(), rel=1e-12)
    assert result.mse == pytest.approx(((p - np.eye(10)[labels]) ** 2).mean(), rel=1e-12)
    assert result.accuracy == (outputs.argmax(axis=1) == labels).mean()
    assert result.milliseconds_per_image > 0
    found = result.to_json()
    assert found["loss"] == result.loss
    assert np.asarray(found["confusion_matrix"]).sum() == 360
    assert {
        "images",
        "loss",
        "mse",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "milliseconds_per_image",
    } <= set(found)


def test_limit_and_split(model, digits, by_hand) -> None:
    _, p, labels = by_hand
    few = evaluate(model, digits, limit=37)
    assert few.report.images == 37
    assert few.loss == pytest.approx(-np.log(p[np.arange(37), labels[:37]]).mean(), rel=1e-12)
    assert evaluate(model, digits, limit=10**6).report.images == 360
    assert evaluate(model, digits, "train").report.images == 1437


@pytest.mark.parametrize("size", [1, 7, 256, 360])
def test_a_small_last_batch_counts_by_its_images(model, digits, size) -> None:
    whole = evaluate(model, digits, limit=50)
    found = list(forward_batches(model, digits, "test", np.arange(50), lambda _, y: [y], size))
    assert [len(done.found[0]) for done in found] == [size] * (50 // size) + ([50 % size] if 50 % size else [])
    mean = sum(done.loss * done.share for done in found) / 50
    assert mean == pytest.approx(whole.loss, rel=1e-12)


def test_two_numbers_judge_an_epoch(model, digits, by_hand) -> None:
    _, p, labels = by_hand
    chosen = np.array([3, 300, 5, 77])
    loss, accuracy = loss_and_accuracy(model, digits, "test", chosen)
    assert loss == pytest.approx(-np.log(p[chosen, labels[chosen]]).mean(), rel=1e-12)
    assert accuracy == (p[chosen].argmax(axis=1) == labels[chosen]).mean()


def test_two_classes_by_one_output() -> None:
    data = load_data("bright-dark")
    model = Model(Sequential((Flatten(), Dense(1))), (1, 8, 8), loss="binary_cross_entropy", dtype="float64")
    model.fit(data, epochs=60, batch_size=10, learning_rate=0.05)
    result = evaluate(model, data)
    assert result.scores.shape == (10, 2)
    assert result.accuracy == 1.0
    assert result.to_json()["roc_auc"] == 1.0
    p = result.scores[:, 1]
    wanted = -np.where(result.labels == 1, np.log(p), np.log(1 - p)).mean()
    assert result.loss == pytest.approx(wanted, rel=1e-9)


def test_what_does_not_fit(model, digits) -> None:
    with pytest.raises(DataError, match="has no test split"):
        evaluate(model, replace(digits, test=None))
    with pytest.raises(DataError, match=r"the images are \(1, 8, 8\), the network expects \(1, 9, 8\)"):
        evaluate(Model(NETWORK, (1, 9, 8)), digits)
    with pytest.raises(ConfigError, match=r"10 classes, the network's output is \(3,\)"):
        evaluate(Model(Sequential((Flatten(), Dense(3))), (1, 8, 8)), digits)
