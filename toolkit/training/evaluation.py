"""What a model is worth on images it may not have seen."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit import metrics
from cnnkit.backends.protocol import Array
from cnnkit.data.dataset import Dataset
from cnnkit.errors import DataError
from cnnkit.training.batches import Indices, batches, check_fit

if TYPE_CHECKING:
    from cnnkit.model import Model

Values = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Evaluation:
    """Loss, mean squared error against one-hot labels, the report of a classifier, and the time an image takes.

    scores (N, K) and labels (N,) are what the report was made of.
    """

    loss: float
    mse: float
    report: metrics.Report
    milliseconds_per_image: float
    scores: Values = field(repr=False)
    labels: Values = field(repr=False)

    @property
    def accuracy(self) -> float:
        """The share of images whose class is right."""
        return self.report.accuracy

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit evaluate --json` prints."""
        return self.report.to_json() | {
            "loss": self.loss,
            "mse": self.mse,
            "milliseconds_per_image": self.milliseconds_per_image,
        }


def evaluate(model: "Model", dataset: Dataset, split: str = "test", limit: int | None = None) -> Evaluation:
    """Return every measure of the model on the first `limit` images of a part ("train", "test").

    Raises DataError when the images do not fit the network or the part has none.
    """
    indices = np.arange(min(len(dataset.split(split)), limit or len(dataset.split(split))))
    check(model, dataset)
    started = time.perf_counter()
    rows = list(scored_batches(model, dataset, split, indices))
    seconds = time.perf_counter() - started
    scores, labels = np.concatenate([r.scores for r in rows]), np.concatenate([r.labels for r in rows])
    names = dataset.class_names
    return Evaluation(
        loss=_weighted([r.loss for r in rows], rows),
        mse=metrics.mean_squared_error(scores, np.eye(len(names))[labels]),
        report=metrics.classification_report(labels, scores, names),
        milliseconds_per_image=1000 * seconds / len(labels),
        scores=scores,
        labels=labels,
    )


def check(model: "Model", dataset: Dataset) -> None:
    """Raise DataError or ConfigError unless the model can be fed and judged by the data set."""
    problem = check_fit(dataset, model.input_shape)
    if problem:
        raise DataError(problem)
    model.loss.check(model.output_shape, len(dataset.class_names))


@dataclass(frozen=True)
class ScoredBatch:
    """A batch's loss, scores (N, K), decisions (N,) and labels (N,), on the host."""

    loss: float
    scores: Values
    decided: Values
    labels: Values


def scored_batches(
    model: "Model", dataset: Dataset, split: str, indices: Indices, size: int = 256
) -> Iterator[ScoredBatch]:
    """Yield the model's answers for images of a part, batch by batch."""
    for x, labels in batches(model.backend, dataset, split, indices, size, model.dtype):
        yield _scored(model, x, labels)


@np.errstate(all="ignore")  # whoever asked looks at the loss
def _scored(model: "Model", x: Array, labels: Array) -> ScoredBatch:
    backend, loss, outputs = model.backend, model.loss, model.forward(x)
    value, _ = loss.value_and_gradient(backend, outputs, labels)
    return ScoredBatch(
        float(backend.to_numpy(value)),
        np.array(backend.to_numpy(loss.probabilities(backend, outputs))),
        np.array(backend.to_numpy(loss.decide(backend, outputs))),
        np.array(backend.to_numpy(labels)),
    )


def loss_and_accuracy(model: "Model", dataset: Dataset, split: str, indices: Indices) -> tuple[float, float]:
    """Return the two numbers that judge an epoch."""
    rows = list(scored_batches(model, dataset, split, indices))
    right = sum(int((r.decided == r.labels).sum()) for r in rows)
    return _weighted([r.loss for r in rows], rows), right / len(indices)


def _weighted(values: list[float], rows: list[ScoredBatch]) -> float:
    count = sum(len(r.labels) for r in rows)
    return sum(value * len(r.labels) for value, r in zip(values, rows, strict=True)) / count
