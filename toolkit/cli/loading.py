"""Weight files for commands: complete with their architecture, on a backend, and with matching data."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit.cli.output import Output

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model


def read_complete(path: Path, external: bool = False) -> "WeightFile":
    """Read a weight file; one that only names a recipe gets the recipe's architecture and metadata.

    external: open the files beside it too that it names for its values.
    """
    from cnnkit import architecture, exporters, weights

    file = exporters.read(path, external)
    if file.architecture is not None or "recipe" not in file.metadata:
        return file
    described, metadata = weights.complete(file)
    return replace(file, architecture=architecture.describe(*architecture.build(described)), metadata=metadata)


def load_model(
    path: Path, backend: str, device: str | None, threads: int | None, dtype: str | None = None
) -> tuple["Model", "WeightFile"]:
    """Return the model in a file, on a backend, and the file. Raises WeightFileError."""
    from cnnkit.backends import get_backend
    from cnnkit.model import Model

    ready = get_backend(backend, device, threads)
    file = read_complete(path)
    return Model.from_weights(file, backend=ready, dtype=dtype), file


def match_data(output: Output, model: "Model", dataset: "Dataset") -> "Dataset":
    """Return the data set with classes numbered and pixels scaled as the model expects; what was changed is noted.

    Raises DataError or ConfigError when model and images do not fit together, or no class is one of the model's.
    """
    from cnnkit.data import match_classes
    from cnnkit.training.evaluation import check_images

    check_images(model, dataset)
    matched = match_classes(dataset, model.class_names)
    model.loss.check(model.output_shape, len(model.class_names or matched.class_names))
    for note in matched.notes:
        output.note(note)
    return _match_scaling(output, model, matched)


def _match_scaling(output: Output, model: "Model", dataset: "Dataset") -> "Dataset":
    """Return the data set with pixels scaled for the model.

    The scaling is that of the training. The pixels of another source may have another range: when the scaling of the
    training has no offset, the scaling that brings the brightest pixel closer to 1 is used, with a note.
    """
    trained, own = model.scaling, dataset.scaling
    if "scaling" not in model.metadata or trained == own:
        return dataset
    brightest = float(dataset.train.take(range(min(100, len(dataset.train))))[0].max())
    if not trained.offset and brightest > 0:
        near = min((trained, own), key=lambda scaling: abs(math.log(max(brightest * scaling.factor, 1e-9))))
        if near is own:
            output.note(f"{dataset.name}: pixels are scaled by {own.factor:.6g}, in training by {trained.factor:.6g}")
        return replace(dataset, scaling=near)
    output.note(
        f"{dataset.name}: pixels are scaled as in training, (raw - {trained.offset:g}) * {trained.factor:.6g}; by "
        f"itself it would use (raw - {own.offset:g}) * {own.factor:.6g}"
    )
    return replace(dataset, scaling=trained)
