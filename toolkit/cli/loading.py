"""Weight files for commands: complete with their architecture, on a backend, and with matching data."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit.cli.output import Output
from cnnkit.files.names import printable
from cnnkit.files.shell import write_command

if TYPE_CHECKING:
    from cnnkit.data import Dataset, Scaling
    from cnnkit.exporters import WeightFile
    from cnnkit.model import Model


def read_complete(path: Path, external: bool = False) -> "WeightFile":
    """Read a weight file; one that only names a recipe gets the recipe's architecture and metadata.

    A stranger's file keeps its tensors, names and layouts.

    external: open the files beside it too that it names for its values.
    """
    from cnnkit import architecture, exporters, weights

    file = exporters.read(path, external)
    if file.architecture is not None or "recipe" not in file.metadata:
        return file
    described, metadata = weights.complete(file)
    return replace(file, architecture=architecture.describe(*architecture.build(described)), metadata=metadata)


def read_network_file(output: Output, path: Path, external: bool = False) -> "WeightFile":
    """Read a weight file with its network: a stranger's ONNX or Keras file is adopted, which is said.

    Raises WeightFileError for a file without a network, and for one that cnnkit cannot express.
    """
    from cnnkit.adopting.opening import holds_graph, read_network

    file = read_complete(path, external)
    if file.architecture is not None:
        return file
    network = read_network(path, external, file)
    if holds_graph(file):
        output.note(f"{path}: adopted from {file.format}; cnnkit adopt {write_command(path)} shows what became of it")
    return network


@dataclass(frozen=True)
class NetworkSource:
    """A weight file, and the recipe or model file whose network it is, where it has no architecture itself.

    external: open the files beside it too that it names for its values.
    """

    path: Path
    recipe: str | None = None
    model: Path | None = None
    external: bool = False

    def read(self, output: Output) -> "WeightFile":
        """Return the file with its architecture; say on standard error what was taken when another gave it.

        Raises WeightFileError when file and network do not fit, ConfigError when the file needs no network.
        """
        if self.recipe is None and self.model is None:
            return read_network_file(output, self.path, self.external)
        from cnnkit import exporters
        from cnnkit.adopting.recipe_weights import fill_recipe
        from cnnkit.cli.choice import choose_recipe

        recipe = choose_recipe(self.recipe, self.model)
        file, fillings = fill_recipe(exporters.read(self.path, self.external), recipe)
        output.note(f"{self.path} as {recipe.name}: {fillings.text}")
        return file


def load_model(
    output: Output,
    source: NetworkSource,
    backend: str,
    device: str | None,
    threads: int | None,
    dtype: str | None = None,
    scaling: str | None = None,
    numerics: str = "plain",
) -> tuple["Model", "WeightFile"]:
    """Return the model in a file, on a backend, and the file. Raises WeightFileError.

    scaling: a name of `cnnkit.data.scaling`, instead of what the file says.
    """
    from cnnkit.backends import get_backend
    from cnnkit.data.scaling import parse_scaling
    from cnnkit.model import Model
    from cnnkit.training.finite_weights import list_not_finite

    chosen = None if scaling is None else parse_scaling(scaling)
    ready = get_backend(backend, device, threads, numerics=numerics)
    file = source.read(output)
    if chosen is not None:
        file = replace(file, metadata=file.metadata | {"scaling": chosen.to_json()})
    model = Model.from_weights(file, backend=ready, dtype=dtype)
    for problem in list_not_finite(model.weights):
        output.note(f"{source.path}: {problem}")
    return model, file


def match_data(output: Output, model: "Model", dataset: "Dataset", chosen: str | None = None) -> "Dataset":
    """Return the data set with classes numbered and pixels scaled as the model expects; what was changed is noted.

    chosen: the name of the scaling that the user chose, which then holds for any data.

    Raises DataError or ConfigError when model and images do not fit together, or no class is one of the model's.
    """
    from cnnkit.data import TargetSpec
    from cnnkit.data.targets import INPUT
    from cnnkit.training.evaluation import check_images, match_names, suit_targets, usable_names

    check_images(model, dataset)
    dataset = suit_targets(dataset, model.loss)
    names = usable_names(model) if dataset.has_labels else model.class_names
    matched = match_names(model, dataset)
    known = dataset.has_labels and names
    if matched.train.parts[0].kind != INPUT:  # data without targets can be predicted
        model.loss.check(model.output_shape, TargetSpec.of_classes(names) if known else matched.target)
    for note in matched.notes:
        output.note(note)
    first = matched.class_names[0] if matched.class_names else "0"
    if not names and first != "0":
        reason = "names its classes not once for each output" if model.class_names else "names no classes"
        output.note(
            f"the network {reason}: those of the data are taken by position, 0 is {printable(first)}, and so on"
        )
    if chosen is not None:
        return replace(matched, scaling=model.scaling)
    return match_scaling(output, model.scaling, matched) if "scaling" in model.metadata else matched


def match_scaling(output: Output, trained: "Scaling", dataset: "Dataset") -> "Dataset":
    """Return the data set with pixels scaled for a network that was trained with a scaling.

    The scaling is that of the training. The pixels of another source may have another range: when the scaling of the
    training has no offset, the scaling that brings the brightest pixel closer to 1 is used, with a note.
    """
    own = dataset.scaling
    if trained == own:
        return dataset
    brightest = float(dataset.train.take(range(min(100, len(dataset.train))))[0].max())
    plain = not any(isinstance(part, tuple) for part in (trained.offset, trained.factor)) and not trained.offset
    if plain and brightest > 0:
        near = min((trained, own), key=lambda scaling: abs(math.log(max(brightest / scaling.white, 1e-9))))
        if near is own:
            output.note(f"{dataset.name}: pixels are scaled by {own.factor:.6g}, in training by {trained.factor:.6g}")
        return replace(dataset, scaling=near)
    output.note(f"{dataset.name}: pixels are scaled as in training, {trained}; by itself it would use {own}")
    return replace(dataset, scaling=trained)
