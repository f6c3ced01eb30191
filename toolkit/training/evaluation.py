"""How well a model does on a data set: loss, accuracy and the measures of a classifier."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnnkit import metrics
from cnnkit.backends.groups import Group
from cnnkit.backends.protocol import Shape
from cnnkit.data.class_names import match_classes
from cnnkit.data.dataset import Dataset
from cnnkit.data.targets import TargetSpec
from cnnkit.errors import ConfigError, DataError
from cnnkit.losses import Loss, SeveralLosses, external_loss
from cnnkit.network import Network, Values
from cnnkit.training.batches import Batch, Indices
from cnnkit.training.decisions import count_right, name_kind
from cnnkit.training.evaluation_table import evaluation_table
from cnnkit.training.finite_scores import require_finite_scores
from cnnkit.training.forward_batches import MeanOverBatches, forward_batches
from cnnkit.training.target_range import require_range
from cnnkit.training.task_evaluation import TaskEvaluation, evaluate_task


@dataclass(frozen=True)
class Evaluation:
    """Loss, mean squared error against one-hot labels, the report of a classifier, and the time per image.

    scores (N, K), labels (N,)  what the report was made from
    indices (N,)                the images of the split that were evaluated
    """

    loss: float
    mse: float
    report: metrics.Report
    milliseconds_per_image: float
    scores: Values = field(repr=False)
    labels: Values = field(repr=False)
    indices: Indices = field(repr=False)

    @property
    def accuracy(self) -> float:
        """The share of images that are classified correctly."""
        return self.report.accuracy

    @property
    def calibration(self) -> metrics.Calibration | None:
        """How accuracy follows confidence; None where the scores are no shares from 0 to 1."""
        try:
            return metrics.calibration(self.labels, self.scores)
        except DataError:
            return None

    def summarise(self) -> dict[str, Any]:
        """Return the figures alone, as weight files keep them."""
        return {"images": self.report.images, "accuracy": self.accuracy, "loss": self.loss, "mse": self.mse}

    def _repr_html_(self) -> str:
        """Return figures, the measures of each class and the confusion matrix, as a notebook displays them."""
        return evaluation_table(self)

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit evaluate --json` prints."""
        return self.report.to_json() | {
            "loss": self.loss,
            "mse": self.mse,
            "milliseconds_per_image": self.milliseconds_per_image,
            "calibration": None if (found := self.calibration) is None else found.to_json(),
        }


def evaluate(
    model: Network, dataset: Dataset, split: str = "test", limit: int | None = None, group: Group | None = None
) -> Evaluation | TaskEvaluation:
    """Return every measure of the model on the first `limit` samples of a split ("train", "test").

    An Evaluation where each sample has a class and the network decides it, else a TaskEvaluation by the kind of the
    targets, with a report of each output. Classes are matched by name; images of classes that the network does not
    know, or without a label, are left out.

    group: of workers that share the work, and all get the result, to the bit that of one process.

    Raises DataError when the images do not fit the network, the data set lacks the split, no class is known, or a score
    is not finite.
    """
    if not (dataset.has_labels and model.loss.decides):
        suited = suit_targets(match_names(model, dataset), model.loss)
        check(model, suited)
        return evaluate_task(model, suited, split, np.arange(len(suited.split(split)))[: limit or None], group)
    matched = match_names(model, dataset)
    names = usable_names(model) or matched.class_names
    check_images(model, matched)
    model.loss.check(model.output_shape, TargetSpec.of_classes(names))
    labels = matched.split(split).labels
    indices = np.flatnonzero((labels >= 0) & (labels < len(names)))[: limit or None]
    if not len(indices):
        raise DataError(f"{dataset.name}: no image of the split {split} is of a class that the network knows")
    started, mean, found = time.perf_counter(), MeanOverBatches(), list[Values]()

    def find_scores(batch: Batch, outputs: Any) -> list[Values]:  # noqa: ARG001 (the labels are known)
        with np.errstate(all="ignore"):
            return [np.array(model.backend.to_numpy(external_loss.probabilities(model.loss, model.backend, outputs)))]

    for done in forward_batches(model, matched, split, indices, find_scores, group=group):
        mean.add(done)
        found += done.found
    seconds = time.perf_counter() - started
    scores, labels = np.concatenate(found), labels[indices]
    require_finite_scores(model, scores)
    return Evaluation(
        loss=mean.value,
        mse=metrics.mean_squared_error(scores, np.eye(len(names))[labels]),
        report=metrics.classification_report(labels, scores, names),
        milliseconds_per_image=1000 * seconds / len(labels),
        scores=scores,
        labels=labels,
        indices=indices,
    )


def match_names(model: Network, dataset: Dataset) -> Dataset:
    """Return the data set with its classes, tags or classes of maps numbered as the model's, matched by name.

    Embeddings know no classes: those of their data stay.
    """
    if dataset.has_labels and not model.loss.decides:
        return dataset
    return match_classes(dataset, usable_names(model) if dataset.has_labels else model.class_names)


def usable_names(model: Network) -> tuple[str, ...]:
    """Return the model's class names, none where they are not one for each output, as in files that others wrote."""
    names = model.class_names
    try:
        model.loss.check(model.output_shape, TargetSpec.of_classes(names))
    except ConfigError:
        return ()
    return names if len(set(names)) == len(names) else ()


def check(model: Network, dataset: Dataset) -> None:
    """Raise DataError or ConfigError unless the images fit the network and the labels fit the loss."""
    require_fit(model.loss, model.input_shape, model.output_shape, dataset)


def require_fit(loss: Loss, input_shape: Shape, output_shape: Shape, dataset: Dataset) -> None:
    """Raise DataError or ConfigError as `check`, of a network that need not have weights yet."""
    _require_images(input_shape, dataset)
    loss.check(output_shape, dataset.target)
    require_range(loss, dataset)


def check_images(model: Network, dataset: Dataset) -> None:
    """Raise DataError unless the images have the shape of the network's input."""
    _require_images(model.input_shape, dataset)


def _require_images(expected: Shape, dataset: Dataset) -> None:
    images = dataset.image_shape
    if tuple(images) != tuple(expected):
        raise DataError(
            f"{dataset.name}: the images are {tuple(images)}, the network expects {expected}: "
            f"a network for them has input_shape = {list(images)}"
        )


def suit_targets(dataset: Dataset, loss: Loss) -> Dataset:
    """Return the data set with its targets as the loss takes them.

    Labels that a file holds as floats are numbers where the loss compares numbers; targets of several outputs come in
    the order of the network's outputs.
    """
    train = dataset.train.targets
    if isinstance(train, Mapping):
        names = loss.names if isinstance(loss, SeveralLosses) else tuple(train)
        if len(names) == 1 and len(train) == 1:
            return _change_targets(dataset, lambda targets: targets[names[0]])
        if set(names) != set(train) or names == tuple(train):
            return dataset
        return _change_targets(dataset, lambda targets: {name: targets[name] for name in names})
    if not (train.written_as_floats and loss.compares_numbers):
        return dataset
    return _change_targets(dataset, lambda targets: targets.as_numbers(), class_names=())


def _change_targets(dataset: Dataset, change: Callable[[Any], Any], **fields: Any) -> Dataset:
    """Return the data set with the change of its splits' targets, and with other fields."""
    parts = {name: getattr(dataset, name) for name in ("train", "test")}
    changed = {name: part.with_targets(change(part.targets)) for name, part in parts.items() if part is not None}
    return replace(dataset, **changed, **fields)


@np.errstate(all="ignore")  # outputs that are not finite are the caller's to handle
def loss_and_accuracy(
    model: Network, dataset: Dataset, split: str, indices: Indices, size: int = 256, group: Group | None = None
) -> tuple[float, float | None]:
    """Return the mean loss on samples of a split, and the share of right decisions, None where nothing is decided."""
    backend, loss, kind = model.backend, model.loss, name_kind(dataset)
    mean, right, decisions = MeanOverBatches(), 0, 0

    def count(batch: Batch, outputs: Any) -> list[Values]:
        if not (loss.decides and batch.counts.decisions):
            return []
        counted = int(backend.to_numpy(count_right(loss, backend, outputs, batch.targets, kind)))
        return [np.array([counted, batch.counts.decisions])]

    for done in forward_batches(model, dataset, split, indices, count, size, group):
        mean.add(done)
        for counts in done.found:
            right, decisions = right + int(counts[0]), decisions + int(counts[1])
    return mean.value, right / decisions if decisions else None
