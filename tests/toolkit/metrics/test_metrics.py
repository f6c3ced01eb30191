import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit import metrics
from cnnkit.errors import ConfigError, DataError

Case = tuple[np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn, least: int = 2) -> Case:
    """Labels (N,) and scores (N, K) with many ties; classes may be absent from either."""
    classes, images = draw(st.integers(least, 5)), draw(st.integers(1, 25))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=images, max_size=images))
    rows = st.lists(st.integers(0, 6), min_size=classes, max_size=classes)
    return np.array(labels), np.array(draw(st.lists(rows, min_size=images, max_size=images))) / 6


def close(a: object, b: object) -> bool:
    """Equal to 1e-12, NaN only to NaN."""
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=0, atol=1e-12, equal_nan=True))


def test_the_comparison_can_fail() -> None:
    assert close([1.0, math.nan], [1.0, math.nan])
    assert not close([1.0, math.nan], [1.0, 0.0])
    assert not close([1.0], [1.0 + 1e-9])


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases())
def test_confusion_matrix_and_accuracy_are_those_of_scikit_learn(case: Case) -> None:
    labels, scores = case
    guess, classes = scores.argmax(axis=1), range(scores.shape[1])
    ours = metrics.confusion_matrix(labels, guess, len(classes))
    if len(set(labels) | set(guess)) > 1:  # scikit-learn warns of a single class
        np.testing.assert_array_equal(ours, sk.confusion_matrix(labels, guess, labels=list(classes)))
    assert ours.sum() == len(labels)
    assert close(metrics.accuracy(labels, guess, len(classes)), sk.accuracy_score(labels, guess))


def test_truth_is_in_rows() -> None:
    assert metrics.confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist() == [[1, 1], [0, 1]]


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases())
def test_precision_recall_and_f1_are_those_of_scikit_learn(case: Case) -> None:
    labels, scores = case
    guess, classes = scores.argmax(axis=1), list(range(scores.shape[1]))
    found = metrics.class_scores(metrics.confusion_matrix(labels, guess, len(classes)))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, guess, labels=classes, zero_division=np.nan
    )
    assert close(found.precision, precision)
    assert close(found.recall, recall)
    assert close(found.f1, f1)
    assert found.support.tolist() == support.tolist()
    for name in ("precision", "recall", "f1"):
        values = getattr(found, name)
        assert {k for metric, k in found.undefined if metric == name} == set(np.flatnonzero(np.isnan(values)))
        assert close(metrics.macro(values), np.mean(values))


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases())
def test_roc_auc_is_that_of_scikit_learn(case: Case) -> None:
    labels, scores = case
    areas = metrics.roc_auc_per_class(labels, scores)
    for k, area in enumerate(areas):
        truth = labels == k
        if 0 < truth.sum() < truth.size:
            assert close(area, sk.roc_auc_score(truth, scores[:, k]))
        else:
            assert math.isnan(area)


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases(least=3))
def test_macro_roc_auc_is_that_of_scikit_learn(case: Case) -> None:
    labels, scores = case
    classes = scores.shape[1]
    labels = np.concatenate([np.arange(classes), labels])  # each class is there
    scores = np.concatenate([np.eye(classes)[::-1], scores]) + 0.1
    scores /= scores.sum(axis=1, keepdims=True)  # scikit-learn wants rows that sum to 1
    expected = sk.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert close(metrics.macro(metrics.roc_auc_per_class(labels, scores)), expected)


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases())
def test_the_area_below_the_roc_curve_is_the_auc(case: Case) -> None:
    labels, scores = case
    for k, area in enumerate(metrics.roc_auc_per_class(labels, scores)):
        if math.isnan(area):
            with pytest.raises(DataError, match="expected both classes"):
                metrics.roc_curve(labels == k, scores[:, k])
            continue
        wrong, right = metrics.roc_curve(labels == k, scores[:, k])
        assert (wrong[0], right[0], wrong[-1], right[-1]) == (0, 0, 1, 1)
        assert close(np.sum(np.diff(wrong) * (right[1:] + right[:-1]) / 2), area)
        expected = sk.roc_curve(labels == k, scores[:, k], drop_intermediate=False)
        assert np.allclose((wrong, right), expected[:2])


def test_roc_auc_by_hand() -> None:
    assert metrics.roc_auc([0, 1, 0, 1], [0.1, 0.9, 0.9, 0.95]) == (1 + 0.5 + 1 + 1) / 4
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.roc_auc([0, 1], [1, 0]) == 0.0
    assert math.isnan(metrics.roc_auc([1, 1], [0.1, 0.2]))


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases(), st.data())
def test_top_k_counts_the_classes_ahead(case: Case, data: st.DataObject) -> None:
    labels, scores = case
    k = data.draw(st.integers(1, scores.shape[1]))
    ranking = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert close(metrics.top_k_accuracy(scores, labels, k), np.mean((ranking == labels[:, None]).any(axis=1)))
    classes = scores.shape[1]
    assert metrics.top_k_accuracy(scores, labels, 1) == metrics.accuracy(labels, scores.argmax(axis=1), classes)
    assert metrics.top_k_accuracy(scores, labels, classes) == 1.0


def test_top_k_without_ties_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.random((50, 5)), rng.integers(0, 5, 50)
    for k in (1, 2, 3, 4):
        expected = sk.top_k_accuracy_score(labels, scores, k=k, labels=range(5))
        assert close(metrics.top_k_accuracy(scores, labels, k), expected)


def test_mean_squared_error() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((7, 3)), rng.random((7, 3))
    assert close(metrics.mean_squared_error(a, b), sk.mean_squared_error(b, a))
    assert metrics.mean_squared_error([1.0, 2.0], [0, 4]) == 2.5


def test_mistakes_come_with_the_most_confident_first() -> None:
    labels, scores = [0, 1, 1, 0], [[0.2, 0.8], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8]]
    found = metrics.most_confident_mistakes(labels, scores, 5)
    assert found == [(1, 1, 0, 0.9), (0, 0, 1, 0.8), (3, 0, 1, 0.8)]
    assert metrics.most_confident_mistakes(labels, scores, 1) == found[:1]
    assert metrics.most_confident_mistakes(labels, scores, 0) == []
    assert metrics.most_confident_mistakes([0], [[1, 0]], 3) == []


def test_largest_confusions() -> None:
    confusion = np.array([[9, 2, 0], [5, 9, 1], [2, 0, 9]])
    assert metrics.largest_confusions(confusion) == [(1, 0, 5), (0, 1, 2), (2, 0, 2)]
    assert metrics.largest_confusions(np.eye(3, dtype=np.int64)) == []


def test_report_of_two_classes() -> None:
    p = np.array([0.9, 0.4, 0.6, 0.2, 0.7])
    report = metrics.classification_report([1, 1, 0, 0, 1], np.stack([1 - p, p], axis=1), ["dark", "bright"])
    assert report.images == 5
    assert report.accuracy == 0.6
    assert report.binary == report.classes[1] == metrics.Scores(2 / 3, 2 / 3, 2 / 3, 5 / 6)
    assert report.macro.precision == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert report.support == (2, 3)
    assert report.confusion_matrix == ((1, 1), (1, 2))
    assert report.undefined == {}
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert found["binary"]["recall"] == 2 / 3
    assert found["classes"][0]["name"] == "dark"
    assert found["largest_confusions"][0] == {"label": "dark", "predicted": "bright", "count": 1}


def test_report_says_why_a_value_is_missing() -> None:
    report = metrics.classification_report([0, 0, 1], [[1, 0, 0], [1, 0, 0], [1, 0, 0]], "abc")
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert "binary" not in found
    assert found["classes"][1]["precision"] is None
    assert found["classes"][1]["recall"] == found["classes"][1]["f1"] == 0.0
    assert found["classes"][2]["f1"] is None
    assert found["precision"] is found["recall"] is found["f1"] is found["roc_auc"] is None
    assert found["undefined"] == {
        "precision": "class 1 was never predicted; class 2 was never predicted",
        "classes.1.precision": "class 1 was never predicted",
        "classes.2.precision": "class 2 was never predicted",
        "recall": "no image of class 2",
        "classes.2.recall": "no image of class 2",
        "f1": "no image of class 2, nor was it predicted",
        "classes.2.f1": "no image of class 2, nor was it predicted",
        "roc_auc": "no image of class 2",
        "classes.2.roc_auc": "no image of class 2",
    }


@settings(deadline=None)  # scikit-learn's first call is slow
@given(cases())
def test_every_null_of_the_report_has_its_reason(case: Case) -> None:
    labels, scores = case
    found = metrics.classification_report(labels, scores, [f"c{k}" for k in range(scores.shape[1])]).to_json()
    nulls = {name for name in ("precision", "recall", "f1", "roc_auc") if found[name] is None}
    nulls |= {f"binary.{name}" for name, value in found.get("binary", {}).items() if value is None}
    nulls |= {f"classes.{k}.{n}" for k, row in enumerate(found["classes"]) for n, v in row.items() if v is None}
    assert set(found["undefined"]) == nulls


def test_one_class_alone_has_no_roc_auc() -> None:
    report = metrics.classification_report([1, 1], [[0.4, 0.6], [0.3, 0.7]], ["a", "b"])
    assert report.undefined["binary.roc_auc"] == "every image is of class 1"
    assert report.undefined["classes.0.roc_auc"] == "no image of class 0"


ROWS = [[0.5, 0.5], [0.1, 0.9]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.confusion_matrix([0, 1], [0], 2), DataError, "expected 2 classes, one per label, got 1"),
        (lambda: metrics.confusion_matrix([], [], 2), DataError, r"got shape \(0,\)"),
        (lambda: metrics.confusion_matrix([0, 2], [0, 1], 2), DataError, "classes 0 to 1, got 2 at image 1"),
        (lambda: metrics.confusion_matrix([0, 1], [0, -1], 2), DataError, "predicted: .* got -1 at image 1"),
        (lambda: metrics.confusion_matrix([0.0], [0], 2), DataError, "integer class indices, got float64"),
        (lambda: metrics.confusion_matrix([[1, 0]], [0], 2), DataError, r"got shape \(1, 2\)"),
        (lambda: metrics.confusion_matrix([0], [0], 0), ConfigError, "classes: expected a whole number >= 1, got 0"),
        (lambda: metrics.top_k_accuracy(ROWS, [0, 1], 3), ConfigError, "k from 1 to 2"),
        (lambda: metrics.top_k_accuracy(ROWS, [0, 1], 0), ConfigError, "k from 1 to 2"),
        (lambda: metrics.top_k_accuracy(ROWS, [0], 1), DataError, "expected 1 rows, one per label, got 2"),
        (lambda: metrics.most_confident_mistakes([0, 1], ROWS, -1), ConfigError, "a whole number >= 0, got -1"),
        (lambda: metrics.roc_auc([0, 1], [0.1]), DataError, r"expected shape \(2\), got \(1,\)"),
        (lambda: metrics.roc_auc([0, 2], [0.1, 0.2]), DataError, "classes 0 to 1, got 2"),
        (lambda: metrics.roc_auc([0, 1], [0.1, math.nan]), DataError, "finite numbers, got nan at image 1"),
        (lambda: metrics.roc_auc([0, 1], ["a", "b"]), DataError, "real numbers"),
        (lambda: metrics.mean_squared_error([1.0], [1.0, 2.0]), DataError, r"expected shape \(2\), got \(1,\)"),
        (lambda: metrics.mean_squared_error([math.inf], [1.0]), DataError, "outputs: .* got inf at image 0"),
        (lambda: metrics.mean_squared_error(1.0, 1.0), DataError, r"expected shape \(any\)"),
        (lambda: metrics.classification_report([0, 1], ROWS, "abc"), DataError, "expected 3 columns"),
        (lambda: metrics.classification_report([0, 1], [0.5, 0.5], "ab"), DataError, r"shape \(any, any\)"),
        (lambda: metrics.classification_report([0, 1], [[0.5], [0.5, 1]], "ab"), DataError, "rows of one length"),
        (lambda: metrics.accuracy([[1], [1, 2]], [0, 1], 2), DataError, "labels: .* rows of one length"),
        (lambda: metrics.accuracy([0, 1], [0, 1], 2.5), ConfigError, "classes: expected a whole number"),
        (lambda: metrics.top_k_accuracy(ROWS, [0, 1], 1.5), ConfigError, "top-k accuracy: k: .* got 1.5"),
        (lambda: metrics.top_k_accuracy(ROWS, [0, 1], "1"), ConfigError, "top-k accuracy: k: .* got '1'"),
        (lambda: metrics.most_confident_mistakes([0, 1], ROWS, 1.5), ConfigError, "got 1.5"),
        (lambda: metrics.largest_confusions(np.eye(2, dtype=int), 0.5), ConfigError, "got 0.5"),
        (lambda: metrics.mean_squared_error([[1.0], [1.0, 2.0]], [1.0]), DataError, "outputs: .* rows of one length"),
        (lambda: metrics.mean_squared_error([1.0], [[1.0], [1.0, 2.0]]), DataError, "targets: .* rows of one length"),
        (lambda: metrics.class_scores(np.ones((2, 3), int)), DataError, r"counts \(K, K\), got int64 \(2, 3\)"),
        (lambda: metrics.class_scores(np.ones((2, 2))), DataError, r"counts \(K, K\), got float64"),
    ],
)
def test_unusable_input_is_told(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_images_are_compared_value_by_value() -> None:
    targets = np.zeros((2, 3, 4, 5))
    outputs = targets.copy()
    outputs[1, 2, 3, 4] = 6.0
    assert metrics.mean_squared_error(outputs, targets) == pytest.approx(36 / 120)
    with pytest.raises(DataError, match=r"expected shape \(2, 3, 4, 5\), got \(2, 3, 20\)"):
        metrics.mean_squared_error(outputs.reshape(2, 3, 20), targets)
