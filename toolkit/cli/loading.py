"""Weight files as the commands take them: complete, on a backend, beside the data that belong to them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit.cli.output import Output

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model


def read_complete(path: Path) -> "WeightFile":
    """Return what a weight file holds; one that only names a recipe gets the recipe's architecture and metadata."""
    from cnnkit import architecture, exporters, weights

    file = exporters.read(path)
    if file.architecture is not None or "recipe" not in file.metadata:
        return file
    described, metadata = weights.complete(file)
    return replace(file, architecture=architecture.describe(*architecture.build(described)), metadata=metadata)


def load_model(
    path: Path, backend: str, device: str | None, threads: int | None, dtype: str | None = None
) -> tuple["Model", "WeightFile"]:
    """Return the model that a file holds, on a backend, and the file. Raises WeightFileError."""
    from cnnkit.errors import ConfigError, ShapeError, WeightFileError
    from cnnkit.backends import get_backend
    from cnnkit.model import Model

    ready = get_backend(backend, device, threads)
    file = read_complete(path)
    try:
        return Model.from_weights(file, backend=ready, dtype=dtype), file
    except (ConfigError, ShapeError) as error:
        raise WeightFileError(f"{path}: holds no network that can be built: {error}", file=str(path)) from error


def scaled_as_trained(output: Output, model: "Model", dataset: "Dataset") -> "Dataset":
    """Return the data set with the scaling that the network was trained with; it says so where that is another one."""
    if "scaling" not in model.metadata or model.scaling == dataset.scaling:
        return dataset
    output.note(
        f"pixels are scaled as in training, (raw - {model.scaling.offset:g}) * {model.scaling.factor:.6g}; "
        f"{dataset.name} by itself would use (raw - {dataset.scaling.offset:g}) * {dataset.scaling.factor:.6g}"
    )
    return replace(dataset, scaling=model.scaling)
