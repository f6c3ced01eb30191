"""How an evaluation looks in a notebook: its figures, the measures of each class, the confusion matrix."""

from typing import Protocol

from cnnkit.metrics import Report, Scores
from cnnkit.notebook_tables import draw_caption, draw_lines, draw_table

MOST_CLASSES = 30  # of a confusion matrix, which has a column for each


class Evaluated(Protocol):
    """What the table shows of an evaluation."""

    @property
    def loss(self) -> float:
        """The mean loss."""
        ...

    @property
    def mse(self) -> float:
        """The mean squared error against one-hot labels."""
        ...

    @property
    def report(self) -> Report:
        """The measures of a classifier."""
        ...

    @property
    def milliseconds_per_image(self) -> float:
        """The time that an image took."""
        ...


def evaluation_table(evaluation: Evaluated) -> str:
    """Return the evaluation as HTML."""
    report = evaluation.report
    figures = (
        f"{report.images:,} images, accuracy {report.accuracy:.2%}, loss {evaluation.loss:.6f}, "
        f"mse {evaluation.mse:.6f}, {evaluation.milliseconds_per_image:.3g} ms per image"
    )
    reasons = [f"{name}: {reason}" for name, reason in report.undefined.items() if name.startswith("classes.")]
    parts = draw_caption("Evaluation", figures), _draw_scores(report), _draw_confusion(report), draw_lines(reasons)
    return f"<div>{''.join(parts)}</div>"


def _draw_scores(report: Report) -> str:
    by_class = zip(report.class_names, report.support, report.classes, strict=True)
    rows = [[f"{k} {name}", f"{count:,}", *_format(scores)] for k, (name, count, scores) in enumerate(by_class)]
    rows.append(["macro", f"{report.images:,}", *_format(report.macro)])
    return draw_table(("class", "images", "precision", "recall", "F1", "ROC-AUC"), rows)


def _draw_confusion(report: Report) -> str:
    names = report.class_names
    if len(names) > MOST_CLASSES:
        worst = [f"{c.label} was taken for {c.predicted}: {c.count:,}" for c in report.largest_confusions]
        return draw_lines(worst)
    rows = [[f"{k} {names[k]}", *map(str, counts)] for k, counts in enumerate(report.confusion_matrix)]
    headings = ("truth, predicted as", *map(str, range(len(names))))
    return draw_table(headings, rows)


def _format(scores: Scores) -> list[str]:
    return ["-" if value is None else f"{value:.4f}" for value in scores.to_json().values()]
