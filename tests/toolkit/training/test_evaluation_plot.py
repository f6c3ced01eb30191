"""The figure of an evaluation shows its numbers: read back from matplotlib's objects."""

from contextlib import contextmanager

import numpy as np
import pytest

from cnnkit import metrics
from cnnkit.training import evaluation_plot
from cnnkit.training.evaluation import Evaluation
from cnnkit.training.evaluation_plot import plot_evaluation


def evaluation(classes, names=None, absent=(), images=400):
    rng = np.random.default_rng(classes)
    labels = rng.choice([k for k in range(classes) if k not in absent], images)
    scores = rng.random((images, classes)).round(2)
    scores[np.arange(images), labels] += 0.3
    report = metrics.classification_report(labels, scores, names or [str(k) for k in range(classes)])
    return Evaluation(1.0, 0.1, report, 1.0, scores, labels, np.arange(images))


@pytest.fixture
def drawn(monkeypatch):
    """The two axes of a drawing that is not written."""
    from matplotlib.figure import Figure

    figures = []

    @contextmanager
    def keep(*_):
        figures.append(Figure())
        yield figures[-1]

    monkeypatch.setattr(evaluation_plot, "figure_file", keep)

    def draw(*arguments):
        plot_evaluation(*arguments)
        return figures[-1].axes

    return draw


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_counts_and_areas_are_those_of_the_report(drawn, tmp_path):
    result = evaluation(5, absent=(3,))
    matrix, roc, *_ = drawn(result, tmp_path / "e.svg")
    counts = np.zeros((5, 5), int)
    for text in matrix.texts:
        column, row = text.get_position()
        counts[row, column] = int(text.get_text())
    assert np.array_equal(counts, result.report.confusion_matrix)
    curves = [line for line in roc.lines if len(line.get_xdata()) > 2]
    areas = [scores.roc_auc for k, scores in enumerate(result.report.classes) if k != 3]
    for line, area in zip(curves, areas, strict=True):
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) == pytest.approx(area)
    assert legend(roc) == [*(f"{k}: {a:.4f}" for k, a in zip((0, 1, 2, 4), areas, strict=True)), "3: no image"]
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 4


def test_two_classes_have_one_curve(drawn, tmp_path):
    _, roc, *_ = drawn(evaluation(2, ["bright", "dark"]), tmp_path / "e.svg")
    assert len(legend(roc)) == 1
    assert roc.get_title() == "ROC, positive: 1 dark"


def test_one_class_alone_has_no_curve(drawn, tmp_path):
    _, roc, *_ = drawn(evaluation(3, absent=(0, 2)), tmp_path / "e.svg")
    assert legend(roc) == ["0: no image", "1: every image", "2: no image"]


def test_very_many_classes(drawn, tmp_path):
    result = evaluation(100, images=3000)
    matrix, roc, *_ = drawn(result, tmp_path / "e.svg")
    assert len(legend(roc)) == 24
    assert roc.get_legend().get_title().get_text() == "AUC, the 24 smallest of 100"
    assert not matrix.texts
    assert len(matrix.get_xticks()) == 25
    smallest = sorted(scores.roc_auc for scores in result.report.classes)[23]
    assert max(float(text.rpartition(" ")[2]) for text in legend(roc)) == pytest.approx(smallest, abs=1e-4)


@pytest.mark.parametrize("classes", [3, 11])
@pytest.mark.parametrize("letters", [1, 40])
def test_nothing_is_cropped(monkeypatch, tmp_path, classes, letters):
    from matplotlib.figure import Figure

    boxes, save = [], Figure.savefig

    def measure(figure, *arguments, **options):
        save(figure, *arguments, **options)
        box, size = figure.get_tightbbox(), figure.get_size_inches()
        boxes.append((*box.min, *(size - box.max)))

    monkeypatch.setattr(Figure, "savefig", measure)
    names = ["W" * (letters - 1) + str(k) for k in range(classes)]
    plot_evaluation(evaluation(classes, names), tmp_path / "e.svg", "title")
    assert min(boxes[0]) > 0


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_names_of_strangers_are_only_text(tmp_path, suffix):
    names = ["$\\frac$ <&>", "\x1b[31mred\x00", "x" * 300]
    target = tmp_path / f"e{suffix}"
    plot_evaluation(evaluation(3, names), target, "$\\nope$")
    data = target.read_bytes()
    assert data.startswith({".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])
    plot_evaluation(evaluation(3, names), target, "$\\nope$")
    assert target.read_bytes() == data


def test_precision_recall_and_reliability(drawn, tmp_path):
    result = evaluation(5, absent=(3,))
    _, _, precision, reliability = drawn(result, tmp_path / "e.svg")
    curves = [line for line in precision.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 4
    for line, k in zip(curves, (0, 1, 2, 4), strict=True):
        recall, values = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        area = float(np.sum(np.diff(recall) * values[1:]))
        assert area == pytest.approx(metrics.average_precision(result.labels == k, result.scores[:, k]))
    assert reliability.get_title() == "Calibration: the scores are no shares", "they go up to 1.3"
    scores = result.scores / 1.3
    shares = Evaluation(1.0, 0.1, result.report, 1.0, scores, result.labels, result.indices)
    reliability = drawn(shares, tmp_path / "e.svg")[3]
    bars = [bar.get_height() for bar in reliability.patches]
    assert bars == [part.accuracy for part in shares.calibration.bins if part.count]
    assert f"{shares.calibration.expected_error:.4f}" in reliability.get_title()
