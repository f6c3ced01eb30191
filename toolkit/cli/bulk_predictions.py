"""The predictions of a whole part of a data set as a CSV: a row a sample, in order, in batches."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit.cli.viewing import DataPart
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.files.writing.atomic import write_whole

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.losses import Loss
    from cnnkit.model import Model

_BATCH = 256  # samples that are read together
_IN_ROWS = ("class", "tags", "numbers", "embedding")
ID, LABEL = "ImageId", "Label"  # as the Digit Recognizer of Kaggle wants them


class PredictionTable:
    """The columns that a network's outputs become, and the cells of samples.

    specs: what each output gives, as `describe_outputs` tells. probabilities: a column for each class instead of one
    for the class. names: of all columns instead of their own.

    Raises ConfigError for outputs that no row can hold, and for another number of names.
    """

    def __init__(
        self, model: "Model", specs: Mapping[str, Mapping[str, Any]], probabilities: bool, names: Sequence[str] = ()
    ) -> None:
        from cnnkit.layers.base import list_shapes
        from cnnkit.losses import SeveralLosses

        for name, spec in specs.items():
            if spec["kind"] not in _IN_ROWS:
                raise ConfigError(
                    f"--out: a row holds a class, tags or numbers, got the output {printable(name, 60)}, which gives "
                    f"{spec['kind']} of shape {tuple(model.output_shape)}: predict single samples with --index"
                )
        self.model, self.probabilities = model, probabilities
        self._specs = list(specs.values())
        several = isinstance(model.loss, SeveralLosses)
        self._losses: Sequence[Loss] = model.loss.losses if isinstance(model.loss, SeveralLosses) else (model.loss,)
        shapes = list_shapes(model.output_shape)
        own = [ID]
        for name, spec, loss, shape in zip(specs, self._specs, self._losses, shapes, strict=False):
            heads = self._name_columns(spec, loss, int(shape[0]))
            own += [f"{name} {head}" for head in heads] if several and len(specs) > 1 else heads
        if names and len(names) != len(own):
            raise ConfigError(
                f"--columns: expected {len(own)} names, as {','.join(own[:4])}{',...' if len(own) > 4 else ''}, "
                f"got {len(names)}"
            )
        if names and (len(set(names)) < len(names) or not all(names)):
            raise ConfigError(
                f"--columns: expected each name once and none empty, got {printable(','.join(names), 80)}"
            )
        self.columns = tuple(names) or tuple(own)

    def _name_columns(self, spec: Mapping[str, Any], loss: "Loss", width: int) -> list[str]:
        kind, names = spec["kind"], spec["names"]
        if kind == "class" and not self.probabilities:
            return [LABEL]
        if kind == "class" and loss.one_for_two:
            width = 2
        return [names[k] if k < len(names) else f"output{k}" for k in range(width)]

    def rows(self, x: Any) -> list[list[str]]:
        """Return the cells of each sample of a batch x (N, *input_shape), numbers as the shortest that read back equal.

        Raises DataError where an output is not finite.
        """
        from cnnkit.training.finite_scores import require_finite_outputs

        given = self.model.outputs(x, _BATCH)
        parts = given if isinstance(given, tuple) else (given,)
        cells: list[list[str]] = [[] for _ in range(len(x))]
        for spec, loss, raw in zip(self._specs, self._losses, parts, strict=False):
            require_finite_outputs(self.model, raw)
            for i, more in enumerate(self._tell(spec, loss, raw)):
                cells[i] += more
        return cells

    def _tell(self, spec: Mapping[str, Any], loss: "Loss", raw: Any) -> list[list[str]]:
        from cnnkit.losses import external_loss
        from cnnkit.training.decisions import keep_yes

        kind, names, backend = spec["kind"], spec["names"], self.model.backend
        given = backend.asarray(np.ascontiguousarray(raw), self.model.array_dtype)
        if kind == "class" and not self.probabilities:
            decided = np.array(backend.to_numpy(external_loss.decide(loss, backend, given)))
            return [[names[k] if k < len(names) else str(k)] for k in map(int, decided)]
        scores = raw
        if kind != "embedding":
            scores = np.array(backend.to_numpy(external_loss.probabilities(loss, backend, given)))
        if kind != "class":
            scores = keep_yes(scores, raw.shape[1])
        if kind == "tags" and not self.probabilities:
            return [[str(int(score >= 0.5)) for score in row] for row in scores]
        return [[str(score) for score in row] for row in scores]


def write_predictions(table: PredictionTable, dataset: "Dataset", part: DataPart, out: Path) -> int:
    """Write the predictions of all samples of a part to a CSV, whole or not at all, and return how many they are.

    A sample is called by its file, seen from the folder of the data, or else by its number, from 1.
    Raises DataError for a sample that cannot be read, OSError where the file cannot be written.
    """

    def fill(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(_list_rows(table, dataset, part))

    write_whole(out, fill)
    return len(dataset.split(part.value))


def _list_rows(table: PredictionTable, dataset: "Dataset", part: DataPart) -> Iterator[list[str]]:
    split = dataset.split(part.value)
    files = getattr(split.images, "files", None)
    folder = os.path.commonpath([path.parent for path in files]) if files else ""
    for start in range(0, len(split), _BATCH):
        indices = np.arange(start, min(start + _BATCH, len(split)))
        x, _ = dataset.batch(split, indices, table.model.array_dtype)
        for index, cells in zip(map(int, indices), table.rows(x), strict=True):
            yield [os.path.relpath(files[index], folder) if files else str(index + 1), *cells]
