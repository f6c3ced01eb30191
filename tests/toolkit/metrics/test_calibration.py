"""Calibration and the curve of precision and recall: held against scikit-learn and numbers by hand."""

import numpy as np
import pytest
from sklearn import metrics as oracle
from sklearn.calibration import calibration_curve

from cnnkit import metrics
from cnnkit.errors import ConfigError, DataError


def draw(seed, count=300, classes=4):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(count, classes)) * 2
    scores = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    labels = np.where(rng.random(count) < 0.6, scores.argmax(1), rng.integers(0, classes, count))
    return labels, scores


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [1, 5, 15])
def test_bins_are_those_of_scikit_learn(seed, bins):
    labels, scores = draw(seed)
    found = metrics.calibration(labels, scores, bins)
    right, confidence = (scores.argmax(1) == labels).astype(int), scores.max(1)
    accuracies, confidences = calibration_curve(right, confidence, n_bins=bins)
    filled = [part for part in found.bins if part.count]
    assert [part.accuracy for part in filled] == pytest.approx(accuracies)
    assert [part.confidence for part in filled] == pytest.approx(confidences)
    counts = np.histogram(confidence, bins, (0, 1))[0]
    assert [part.count for part in found.bins] == counts.tolist()
    gaps = np.abs(accuracies - confidences)
    assert found.expected_error == pytest.approx(float((gaps * counts[counts > 0]).sum() / 300))
    assert found.largest_error == pytest.approx(gaps.max())


def test_calibration_by_hand():
    scores = [[0.5, 0.5], [0.25, 0.75], [1.0, 0.0], [0.0, 1.0]]
    found = metrics.calibration([0, 0, 0, 1], scores, 4)
    assert [part.count for part in found.bins] == [0, 1, 1, 2], "an edge belongs to the bin below it"
    assert found.expected_error == (0.5 + 0.75) / 4
    assert found.largest_error == 0.75
    assert [row["count"] for row in found.to_json()["bins"]] == [1, 1, 2]


def test_what_is_no_share_is_refused():
    with pytest.raises(DataError, match=r"expected shares from 0 to 1, got -0\.5 to 2"):
        metrics.calibration([0], [[-0.5, 2.0]])
    with pytest.raises(ConfigError, match="bins: expected a whole number >= 1"):
        metrics.calibration([0], [[0.5, 0.5]], 0)


@pytest.mark.parametrize("seed", range(4))
def test_precision_and_recall_over_thresholds(seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 200), rng.random(200).round(seed % 2 + 1)  # with ties
    recall, precision = metrics.precision_recall_curve(labels, scores)
    wanted_precision, wanted_recall, _ = oracle.precision_recall_curve(labels, scores)
    assert precision == pytest.approx(wanted_precision[::-1])
    assert recall == pytest.approx(wanted_recall[::-1])
    area = float(np.sum(np.diff(recall) * precision[1:]))
    assert area == pytest.approx(metrics.average_precision(labels, scores))
    with pytest.raises(DataError, match="expected a positive"):
        metrics.precision_recall_curve([0, 0], [0.1, 0.2])
