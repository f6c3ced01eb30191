"""How well a model does on targets other than one class a sample: numbers, tags, maps, arrays, several outputs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cnnkit import metrics
from cnnkit.backends.groups import Group
from cnnkit.data.dataset import Dataset, name_targets
from cnnkit.data.targets import CLASS, CLASS_MAP, NUMBERS, TAGS, TargetSpec
from cnnkit.losses import Loss, SeveralLosses, external_loss
from cnnkit.network import Network, Values
from cnnkit.notebook_tables import draw_caption, draw_table
from cnnkit.training.batches import Batch, Indices
from cnnkit.training.decisions import keep_yes
from cnnkit.training.finite_scores import require_finite_outputs
from cnnkit.training.forward_batches import MeanOverBatches, forward_batches


class TaskReport(Protocol):
    """The measures of one output."""

    @property
    def images(self) -> int:
        """How many samples were measured."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """The headline: {metric: value}."""
        ...

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of `rows`, none where there are no parts."""
        ...

    @property
    def rows(self) -> list[Any]:
        """A row for each class, tag or column: its name, whole numbers, and measures as floats."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return the measures as JSON values."""
        ...


@dataclass(frozen=True)
class TaskEvaluation:
    """The loss, and the measures of each output by its name; a single output is called "output".

    indices (N,): the samples of the split that were evaluated.
    """

    loss: float
    reports: Mapping[str, TaskReport]
    milliseconds_per_image: float
    indices: Indices = field(repr=False)

    @property
    def report(self) -> TaskReport:
        """The measures of the only output, or of the first."""
        return next(iter(self.reports.values()))

    @property
    def accuracy(self) -> float | None:
        """The share of right decisions of the first output: of classes, tags or places; None where none is made."""
        return getattr(self.report, "accuracy", None)

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit evaluate --json` prints; several outputs are under "outputs", by name."""
        own = {"loss": self.loss, "milliseconds_per_image": self.milliseconds_per_image}
        if len(self.reports) == 1:
            return self.report.to_json() | own
        return {
            "images": self.report.images,
            "outputs": {name: report.to_json() for name, report in self.reports.items()},
        } | own

    def summarise(self) -> dict[str, Any]:
        """Return the figures alone, as weight files keep them: images, loss, accuracy, and those of each output."""
        outputs = {
            name: {metric: value if np.isfinite(value) else None for metric, value in report.figures.items()}
            for name, report in self.reports.items()
        }
        accuracy = None if self.accuracy is None or np.isnan(self.accuracy) else self.accuracy
        return {"images": self.report.images, "accuracy": accuracy, "loss": self.loss, "outputs": outputs}

    def _repr_html_(self) -> str:
        """Return figures and tables, as a notebook displays them."""
        parts = []
        for name, report in self.reports.items():
            title = "Evaluation" if len(self.reports) == 1 else f"Evaluation of {name}"
            shown = [f"{metric} {value:.4g}" for metric, value in report.figures.items()]
            figures = ", ".join((f"{report.images:,} samples", f"loss {self.loss:.6f}", *shown))
            rows = [[format_measure(cell) for cell in row] for row in report.rows]
            parts.append(draw_caption(title, figures) + (draw_table(report.headings, rows) if rows else ""))
        return f"<div>{''.join(parts)}</div>"


def format_measure(value: Any) -> str:
    """Return a cell of a report for people: a name, a whole number, a measure, "-" for NaN."""
    if isinstance(value, float):
        return "-" if np.isnan(value) else f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


@np.errstate(all="ignore")  # a loss that is not finite is the caller's to handle
def evaluate_task(
    model: Network, dataset: Dataset, split: str, indices: Indices, group: Group | None = None
) -> TaskEvaluation:
    """Return the measures of a model on samples of a split, whose targets fit its loss; `group` as of `evaluate`.

    Raises DataError where an output is not finite.
    """
    specs = name_targets(dataset)
    losses = model.loss.losses if isinstance(model.loss, SeveralLosses) else (model.loss,)
    measures = [_Measure(loss, spec) for loss, spec in zip(losses, specs.values(), strict=True)]
    started, mean = time.perf_counter(), MeanOverBatches()

    def find(batch: Batch, outputs: Any) -> list[Values]:
        columns = zip(measures, _list(outputs), _list(batch.targets), strict=True)
        return [array for measure, y, t in columns for array in measure.find(model, y, t)]

    for done in forward_batches(model, dataset, split, indices, find, group=group):
        mean.add(done)
        for measure, wanted, found in zip(measures, done.found[::2], done.found[1::2], strict=True):
            measure.add(wanted, found)
    milliseconds = 1000 * (time.perf_counter() - started) / len(indices)
    reports = {name: measure.report() for name, measure in zip(specs, measures, strict=True)}
    return TaskEvaluation(mean.value, reports, milliseconds, indices)


class _Measure:
    """What is known of one output after each batch."""

    def __init__(self, loss: Loss, spec: TargetSpec) -> None:
        self.loss, self.spec = loss, spec
        classes = len(spec.names)
        self._confusion = np.zeros((classes, classes), np.int64)
        self._errors, self._images = metrics.ArrayErrors(), 0
        self._scores: list[Values] = []
        self._targets: list[Values] = []

    def find(self, model: Network, outputs: Any, targets: Any) -> tuple[Values, Values]:
        """Return (targets, what is found of the outputs) of a batch, from arrays of the model's backend.

        Found are scores, or decisions about maps. Raises DataError where an output is not finite.
        """
        backend, wanted = model.backend, np.array(model.backend.to_numpy(targets))
        if self.spec.kind == CLASS_MAP:
            require_finite_outputs(model, np.asarray(backend.to_numpy(outputs)))
            return wanted, np.asarray(backend.to_numpy(external_loss.decide(self.loss, backend, outputs)))
        embedded = self.spec.kind == CLASS and not self.loss.decides
        given = outputs if embedded else external_loss.probabilities(self.loss, backend, outputs)
        scores = np.array(backend.to_numpy(given))
        require_finite_outputs(model, scores)
        return wanted, scores if self.spec.kind == CLASS else keep_yes(scores, wanted.shape[1])

    def add(self, wanted: Values, found: Values) -> None:
        """Add what `find` has found of a batch."""
        self._images += len(wanted)
        if self.spec.kind == CLASS_MAP:
            self._confusion += metrics.map_confusion(wanted, found, len(self.spec.names))
        elif self.spec.kind in (CLASS, TAGS, NUMBERS):
            self._scores.append(found)
            self._targets.append(wanted)
        else:
            self._errors.add(found, wanted)

    def report(self) -> Any:
        """Return the measures of all batches."""
        kind, names = self.spec.kind, self.spec.names
        if kind == CLASS_MAP:
            return metrics.map_report(self._confusion, names, self._images)
        if kind not in (CLASS, TAGS, NUMBERS):
            return self._errors.report()
        scores, targets = np.concatenate(self._scores), np.concatenate(self._targets)
        if kind == TAGS:
            return metrics.tags_report(scores, targets, names)
        if kind == NUMBERS:
            return metrics.regression_report(scores, targets, names)
        known = targets >= 0
        if not self.loss.decides:
            return metrics.RetrievalReport(int(known.sum()), metrics.recall_at_1(scores[known], targets[known]))
        return metrics.classification_report(targets[known], scores[known], names)


def _list(arrays: Any) -> tuple[Any, ...]:
    return arrays if isinstance(arrays, tuple) else (arrays,)
