"""Weights of samples and classes in the loss, held to scikit-learn and to samples that occur more than once."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from cnnkit import Model, Options, Sequential
from cnnkit.data import Targets, from_arrays
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.layers import Conv2D, Dense, Flatten
from cnnkit.training import Training
from cnnkit.training.evaluation import evaluate, loss_and_accuracy
from cnnkit.training.sample_weights import weigh_classes, weigh_samples

RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(9, 1, 4, 4))
LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1])
MAPS = RNG.integers(0, 3, (9, 4, 4))


ROW = (Flatten(), Dense(2))


def train(data, layers=ROW, backend="numpy", **options):
    """Return (loss, weights) of one step and one more, of the whole batch."""
    model = Model(Sequential(layers), (1, 4, 4), dtype="float64", backend=backend)
    settings = {"epochs": 2, "batch_size": 30, "shuffle": False, "optimizer": "sgd", "learning_rate": 0.5}
    entry = [report.entry for report in Training(model, data, Options(**settings | options)).epochs()][-1]
    return entry["loss"], np.concatenate([values.ravel() for values in model.weights.values()])


@pytest.mark.parametrize("backend", ["numpy", "torch", "cupy-sim"])
def test_a_weight_of_two_is_a_sample_that_is_there_twice(backend):
    twice = np.concatenate([[0, 3], np.arange(9)])
    weighed = train(from_arrays(IMAGES, LABELS, weights=[2, 1, 1, 2, 1, 1, 1, 1, 1]), backend=backend)
    repeated = train(from_arrays(IMAGES[twice], LABELS[twice]), backend=backend)
    np.testing.assert_allclose(weighed[1], repeated[1], rtol=1e-12)
    assert weighed[0] == pytest.approx(repeated[0], rel=1e-12)
    assert abs(weighed[1] - train(from_arrays(IMAGES, LABELS), backend=backend)[1]).max() > 1e-3


def test_a_class_weight_is_the_weight_of_its_samples():
    by_class = train(from_arrays(IMAGES, LABELS), class_weights={"0": 3.0})
    by_sample = train(from_arrays(IMAGES, LABELS, weights=np.where(LABELS == 0, 3, 1)))
    np.testing.assert_array_equal(by_class[1], by_sample[1])


def test_balanced_is_what_scikit_learn_says():
    data = from_arrays(IMAGES, LABELS)
    wanted = compute_class_weight("balanced", classes=np.arange(2), y=LABELS)
    np.testing.assert_allclose(weigh_classes("balanced", data, np.arange(9)), wanted)


def test_weights_of_the_classes_of_maps_count_by_place():
    data = from_arrays(IMAGES, np.where(MAPS == 2, 9, MAPS), ignore=9)
    weights, share = weigh_samples(data.train, np.array([1.0, 4.0]), np.arange(9))
    assert weights.shape == MAPS.shape
    assert (weights[MAPS == 2] == 0).all()
    assert weights[MAPS == 1].min() == pytest.approx(4 * weights[MAPS == 0].max())
    assert weights.sum() == pytest.approx((MAPS != 2).sum())
    assert share == pytest.approx(((MAPS == 0).sum() + 4 * (MAPS == 1).sum()) / 16)
    loss, _ = train(data, (Conv2D(2, 1),), class_weights="1=4")
    assert loss != train(data, (Conv2D(2, 1),))[0]


def test_what_is_ignored_changes_nothing():
    few = train(from_arrays(IMAGES[:6], LABELS[:6]))
    marked = train(from_arrays(IMAGES, np.where(np.arange(9) < 6, LABELS, 7), ignore=7))
    np.testing.assert_allclose(marked[1], few[1], rtol=1e-12)
    assert marked[0] == pytest.approx(few[0], rel=1e-12)


@pytest.mark.parametrize("given", ["", "cat", "cat=", "cat=-1", "cat=nan", {}, {"cat": "x"}, {1: 2}, 5, "=3"])
def test_texts_that_are_no_class_weights(given):
    with pytest.raises(ConfigError, match="class_weights: expected balanced, or NAME=NUMBER"):
        Options(class_weights=given)


def test_classes_that_the_data_lack_are_refused():
    with pytest.raises(ConfigError, match="class_weights: expected classes of 0, 1, got cat"):
        train(from_arrays(IMAGES, LABELS), class_weights="cat=2")
    with pytest.raises(ConfigError, match="expected data with class labels or maps of classes, got rows of numbers"):
        train(
            from_arrays(IMAGES, LABELS / 2), (Flatten(), Dense(1)), class_weights="balanced", loss="mean_squared_error"
        )


def test_overlap_has_no_weights_of_classes():
    with pytest.raises(ShapeError, match="a weight for each sample"):
        train(from_arrays(IMAGES, MAPS), (Conv2D(3, 1),), loss="dice", class_weights="balanced")


def test_what_one_output_ignores_counts_in_the_others():
    labels = {"main": Targets("class", np.where(LABELS == 0, -1, LABELS), ("a", "b")), "size": RNG.normal(size=(9, 2))}
    weights = np.arange(9) + 1.0
    found, _ = weigh_samples(from_arrays(IMAGES, labels, weights=weights).train, None, np.arange(9))
    np.testing.assert_allclose(found / found[0], weights)


def test_validation_and_evaluation_have_one_mean_of_weighed_samples():
    data = from_arrays(IMAGES, LABELS, weights=np.arange(9) + 1.0)
    model = Model(Sequential(ROW), (1, 4, 4), dtype="float64", loss="softmax_cross_entropy")
    p = model.probabilities(IMAGES)[np.arange(9), LABELS]
    wanted = pytest.approx(np.average(-np.log(p), weights=np.arange(9) + 1.0))
    assert evaluate(model, data, "train").loss == wanted
    assert loss_and_accuracy(model, data, "train", np.arange(9), size=4)[0] == wanted


def test_classes_of_one_of_several_outputs_have_no_weights():
    data = from_arrays(IMAGES, {"main": LABELS, "size": RNG.normal(size=(9, 2))})
    with pytest.raises(ConfigError, match="got targets of several outputs: leave it out"):
        weigh_classes("balanced", data, np.arange(9))
