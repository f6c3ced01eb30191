"""What a weight file says of its training, checked for kind and range before anything is computed from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cnnkit.data.dataset import Dataset
from cnnkit.data.scaling import Scaling
from cnnkit.errors import DataError, WeightFileError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import describe_value
from cnnkit.options import Options
from cnnkit.training.run import stored_options
from cnnkit.values import is_count


@dataclass(frozen=True)
class Claim:
    """A weight file as a statement: these options, on these data, lead to these bits.

    run    what decides the result, as `cnnkit.training.run.identity` tells it
    steps  the updates that the file says were done
    """

    file: WeightFile
    run: Mapping[str, Any]
    position: Mapping[str, Any]
    options: Options
    steps: int

    @property
    def backend(self) -> str:
        """The name of the backend that trained."""
        return str(self.run.get("backend"))

    @property
    def numerics(self) -> str:
        """Plain, or exact, whose bits are the same on every machine and backend."""
        return str(self.run.get("numerics", "plain"))

    @property
    def dtype(self) -> str:
        """The type of the training."""
        return str(self.run.get("dtype"))

    @property
    def history(self) -> list[dict[str, Any]]:
        """A row for each epoch."""
        rows: list[dict[str, Any]] = self.position["history"]
        return rows


def read_claim(file: WeightFile) -> Claim:
    """Return what a file claims. Raises WeightFileError, in one line, where it tells of no training to replay."""
    run, position = file.metadata.get("run"), file.position
    if not isinstance(run, Mapping) or position is None:
        what = "holds no training with options and position, as cnnkit train writes them in weights.h5"
        raise WeightFileError(f"{what}, so there is nothing to replay", file=file.file)
    steps, history = position.get("step"), position.get("history")
    if not is_count(steps):
        raise WeightFileError(f"position step: expected a whole number, got {describe_value(steps)}", file=file.file)
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        problem = f"position history: expected a list of epochs, got {describe_value(history)}"
        raise WeightFileError(problem, file=file.file)
    data = run.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("sha256"), str):
        problem = f"metadata run data: expected a name and a SHA-256, got {describe_value(data)}"
        raise WeightFileError(problem, file=file.file)
    for name in ("backend", "device", "dtype"):
        if not isinstance(run.get(name), str):
            problem = f"metadata run {name}: expected a name, got {describe_value(run.get(name))}"
            raise WeightFileError(problem, file=file.file)
    return Claim(file, run, position, stored_options(file.metadata, file.file), steps)


def require_data(claim: Claim, dataset: Dataset) -> None:
    """Raise DataError unless the data are those of the training, by their SHA-256."""
    wanted, found = claim.run["data"]["sha256"], dataset.fingerprint()
    if wanted != found:
        told = describe_value(wanted[:16])
        raise DataError(
            f"{dataset.name}: other images, labels or scaling than those of the training: expected SHA-256 {told}..., "
            f"got {found[:16]}...: name the data that it was trained on with --data"
        )


def scale_as_trained(claim: Claim, dataset: Dataset) -> Dataset:
    """Return the data set with the scaling that the file tells of. Raises WeightFileError for one that cannot be."""
    stored = claim.file.metadata.get("scaling")
    try:
        scaling = dataset.scaling if stored is None else Scaling.from_json(stored)
    except DataError as error:
        raise WeightFileError(f"metadata scaling: {error}", file=claim.file.file) from None
    return dataset if scaling == dataset.scaling else replace(dataset, scaling=scaling)
