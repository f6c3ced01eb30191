"""Metrics of numbers, tags, maps and arrays against scikit-learn, and by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from cnnkit import metrics
from cnnkit.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(40, 3)) * [1, 10, 0.1] + [0, 5, 1]
GUESSES = NUMBERS + RNG.normal(size=(40, 3)) * [0.3, 5, 0.2]
TAGS = RNG.integers(0, 2, (50, 4))
SCORES = np.round(np.clip(TAGS * 0.3 + RNG.uniform(size=(50, 4)) * 0.7, 0, 1), 1)  # many ties
MAPS = RNG.integers(-1, 4, (5, 6, 7))
PREDICTED = np.where(RNG.uniform(size=MAPS.shape) < 0.6, np.maximum(MAPS, 0), RNG.integers(0, 4, MAPS.shape))


def test_errors_of_numbers() -> None:
    report = metrics.regression_report(GUESSES, NUMBERS, ("a", "b", "c"))
    assert report.overall.mae == pytest.approx(sk.mean_absolute_error(NUMBERS, GUESSES))
    assert report.overall.rmse == pytest.approx(sk.mean_squared_error(NUMBERS, GUESSES) ** 0.5)
    assert report.overall.r2 == pytest.approx(sk.r2_score(NUMBERS, GUESSES))
    assert [errors.r2 for errors in report.columns] == pytest.approx(
        sk.r2_score(NUMBERS, GUESSES, multioutput="raw_values").tolist()
    )
    found = json.loads(json.dumps(report.to_json()))
    assert found["columns"][1]["name"] == "b"
    assert found["undefined"] == {}
    assert found["mse"] == pytest.approx(sk.mean_squared_error(NUMBERS, GUESSES))


def test_equal_targets_have_no_variance_to_explain() -> None:
    report = metrics.regression_report([[1.0, 2.0], [3.0, 2.0]], [[1.0, 5.0], [3.0, 5.0]])
    assert report.columns[0].r2 == 1
    assert report.to_json()["columns"][1]["r2"] is None
    assert report.undefined == {"columns.1.r2": "all targets of 1 are equal", "r2": "all targets of 1 are equal"}


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"outputs: expected shape \(2, 1\), got \(2, 2\)"):
        metrics.regression_report(np.ones((2, 2)), np.ones((2, 1)))
    with pytest.raises(DataError, match="finite"):
        metrics.r2_score([np.nan, 1.0], [0.0, 1.0])


def test_scores_of_tags() -> None:
    report, guess = metrics.tags_report(SCORES, TAGS, tuple("wxyz")), SCORES >= 0.5
    assert report.accuracy == pytest.approx(1 - sk.hamming_loss(TAGS, guess))
    assert report.exact == pytest.approx(sk.accuracy_score(TAGS, guess))
    assert report.micro_f1 == pytest.approx(sk.f1_score(TAGS, guess, average="micro"))
    assert report.macro_f1 == pytest.approx(sk.f1_score(TAGS, guess, average="macro"))
    assert report.map == pytest.approx(sk.average_precision_score(TAGS, SCORES, average="macro"))
    precision, recall, f1, support = sk.precision_recall_fscore_support(TAGS, guess)
    for k, tag in enumerate(report.tags):
        assert (tag.precision, tag.recall, tag.f1) == pytest.approx((precision[k], recall[k], f1[k]))
        assert tag.support == support[k]
        assert tag.average_precision == pytest.approx(sk.average_precision_score(TAGS[:, k], SCORES[:, k]))
        assert tag.roc_auc == pytest.approx(sk.roc_auc_score(TAGS[:, k], SCORES[:, k]))
        every = [sk.f1_score(TAGS[:, k], SCORES[:, k] >= t) for t in np.unique(SCORES[:, k])]
        assert tag.best_f1 == pytest.approx(max(every))
        assert sk.f1_score(TAGS[:, k], SCORES[:, k] >= tag.threshold) == pytest.approx(tag.best_f1)
    found = json.loads(json.dumps(report.to_json()))
    assert found["hamming_loss"] == pytest.approx(sk.hamming_loss(TAGS, guess))
    assert found["tags"][3]["name"] == "z"


def test_a_tag_that_nothing_has() -> None:
    report = metrics.tags_report([[0.9, 0.1], [0.2, 0.3]], [[1, 0], [0, 0]], ("sun", "rain"))
    assert report.tags[0].f1 == 1
    found = report.to_json()
    assert found["map"] is None
    assert found["undefined"]["tags.1.precision"] == "rain was never predicted"
    assert found["undefined"]["tags.1.recall"] == "rain is in none"
    assert found["undefined"]["map"] == "rain is in none"
    assert found["micro_f1"] == 1


def test_tags_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="expected a name for each of 2 tags, got 1"):
        metrics.tags_report([[0.9, 0.1]], [[1, 0]], ("sun",))


def test_overlap_of_maps() -> None:
    counted = MAPS >= 0
    confusion = metrics.map_confusion(MAPS, PREDICTED, 4)
    truth, guess = MAPS[counted], PREDICTED[counted]
    assert np.array_equal(confusion, sk.confusion_matrix(truth, guess, labels=range(4)))
    report = metrics.map_report(confusion, tuple("abcd"), 5)
    assert list(report.iou) == pytest.approx(sk.jaccard_score(truth, guess, average=None).tolist())
    assert list(report.dice) == pytest.approx(sk.f1_score(truth, guess, average=None).tolist())
    assert report.accuracy == pytest.approx(sk.accuracy_score(truth, guess))
    assert report.mean_iou == pytest.approx(sk.jaccard_score(truth, guess, average="macro"))
    assert sum(report.places) == counted.sum()
    assert json.loads(json.dumps(report.to_json()))["classes"][2]["name"] == "c"


def test_classes_that_are_nowhere_and_maps_without_labels() -> None:
    report = metrics.map_report(metrics.map_confusion([[0, 1]], [[0, 0]], 3), tuple("abc"), 1)
    assert report.iou[:2] == (0.5, 0)
    assert report.mean_iou == 0.25
    assert report.to_json()["classes"][2]["iou"] is None
    assert report.undefined["classes.2.iou"] == "no place of class 2, nor was it predicted"
    empty = metrics.map_report(metrics.map_confusion([[-1]], [[0]], 2), tuple("ab"), 1).to_json()
    assert empty["accuracy"] is None
    assert empty["undefined"]["mean_iou"] == "no place has a label"
    with pytest.raises(DataError, match="expected classes 0 to 1, got 2"):
        metrics.map_confusion([[0]], [[2]], 2)
    with pytest.raises(DataError, match="expected a class for each label"):
        metrics.map_confusion([[0]], [[0, 1]], 2)


def test_noise_of_images() -> None:
    wanted = RNG.uniform(size=(3, 1, 4, 4))
    given = wanted + RNG.normal(size=wanted.shape) * 0.1
    errors = metrics.ArrayErrors()
    errors.add(given[:2], wanted[:2])
    errors.add(given[2:], wanted[2:])
    report, peak = errors.report(), np.ptp(wanted)
    each = [
        10 * np.log10(peak**2 / sk.mean_squared_error(a.ravel(), b.ravel())) for a, b in zip(wanted, given, strict=True)
    ]
    assert report.psnr == pytest.approx(np.mean(each))
    assert metrics.peak_signal_to_noise_ratio(given[0], wanted[0], peak) == pytest.approx(each[0])
    assert report.mae == pytest.approx(np.abs(given - wanted).mean())
    assert report.to_json()["mse"] == pytest.approx(((given - wanted) ** 2).mean())
    assert metrics.peak_signal_to_noise_ratio([[0.5]], [[0.4]]) == pytest.approx(20)
    with pytest.raises(ConfigError, match="peak: expected a number above 0"):
        metrics.peak_signal_to_noise_ratio([[0.5]], [[0.4]], 0)


def test_an_image_that_is_met_exactly() -> None:
    errors = metrics.ArrayErrors()
    errors.add([[0.0, 1.0]], [[0.0, 1.0]])
    assert errors.report().psnr == np.inf
    assert errors.report().to_json()["psnr"] is None
    assert errors.report().to_json()["undefined"] == {"psnr": "a sample is met exactly"}
    flat = metrics.ArrayErrors()
    flat.add([[0.5]], [[1.0]])
    assert flat.report().to_json()["undefined"] == {"psnr": "all targets are equal"}
