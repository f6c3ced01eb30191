"""From the options of `cnnkit train` to a new training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cnnkit import data, losses
from cnnkit.backends import get_backend
from cnnkit.backends.groups import Group
from cnnkit.cli.choice import choose_recipe, drop_unset
from cnnkit.cli.data_source import describe_source, name_data, require_inside
from cnnkit.cli.headed_file import read_headed
from cnnkit.cli.options import name_numerics
from cnnkit.cli.output import Output
from cnnkit.cli.recipe_for_data import adapt_recipe
from cnnkit.cli.train_request import TrainRequest
from cnnkit.data import Dataset
from cnnkit.errors import ConfigError, WeightFileError
from cnnkit.files.shell import write_command
from cnnkit.model import Model
from cnnkit.recipes import NO_DATA, Recipe
from cnnkit.training import Options, Training
from cnnkit.training.evaluation import require_fit
from cnnkit.training.initialise import initialise
from cnnkit.training.run import Existing, class_names_of, count_epochs, identity, list_serious, stored_options
from cnnkit.training.sharing import share_options
from cnnkit.tree import flatten

# The options of a training that are options of the command too.
_SETTINGS = {field.name for field in fields(Options)} & {field.name for field in fields(TrainRequest)}


@dataclass(frozen=True)
class PreparedRun:
    """A model, its data and its options before the first step.

    origin  name and SHA-256 of the data, and where they lie from OUT, as OUT tells them
    run     everything that decides the result, see `cnnkit.training.run.identity`
    """

    recipe: str
    origin: Mapping[str, Any]
    dataset: Dataset
    options: Options
    model: Model
    run: Mapping[str, Any]

    def describe(self, training: Training) -> str:
        """Return network, data, backend and seed in one line."""
        model, backend, frozen = self.model, self.model.backend, ""
        if training.freezing is not None:
            sizes = {name: math.prod(array.shape) for name, array in flatten(model.params).items()}
            frozen = f"; {training.freezing.describe(sizes)}"
        return (
            f"{self.recipe} on {self.dataset.name}: {len(training.chosen):,} images to train on, "
            f"{len(training.held_out):,} to validate; {model.parameters:,} parameters; "
            f"{backend.name} on {backend.device}, {model.dtype}, seed {model.seed}{frozen}"
        )

    def mark(self, training: Training) -> Training:
        """Tell in the metadata of the model what the training is of, and return it."""
        training.model.metadata |= {"recipe": self.recipe, "data": dict(self.origin), "run": self.run}
        return training


def list_given(request: TrainRequest) -> dict[str, Any]:
    """Return the options of the training that the command line gives, without those left out."""
    return drop_unset(**{name: getattr(request, name) for name in _SETTINGS})


def prepare(request: TrainRequest, group: Group | None = None) -> PreparedRun:
    """Return the run that the options request; weights come from the seed, or from --init-from where they fit.

    group: of workers that share it, whose batches are cut into leaves.
    """
    output = request.output
    headed = read_headed(request)
    recipe = (
        choose_recipe(request.recipe, request.model, request.faithful, request.initializer)
        if headed is None
        else headed.recipe
    )
    options = _share_out(request, Options(**(recipe.training | list_given(request))), group)
    if request.data is None and recipe.data == NO_DATA:
        raise ConfigError(f"recipe {recipe.name}: comes without a data set: name yours with --data FILE_OR_FOLDER")
    source = request.data or (recipe.data if request.model is None else require_inside(request.model, recipe.data))
    free = request.model is None and not request.faithful and headed is None
    dataset = data.load(source, _describe_reading(request, recipe, options, free))
    described = describe_source(source, dataset, request.out)
    if headed is not None:
        dataset = headed.scale(output, dataset)
    elif request.init_from is not None:
        dataset = data.arrange_classes(dataset, class_names_of(request.init_from), str(request.init_from))
    note_data(output, dataset)
    classes = free or (request.init_from is not None and headed is None)
    recipe = adapt_recipe(output, recipe, dataset, options, images=free, classes=classes)
    model = _build_model(request, recipe, options, dataset)
    start = None
    if request.init_from is not None:
        started = initialise(model, request.init_from, headed.file if headed else None)
        output.note(started.text)
        start = started.sha256
    head = None if headed is None else headed.head
    run = identity(model, dataset, options, recipe.name, start, request.tf32, head)
    return PreparedRun(recipe.name, described, dataset, options, model, run)


def _share_out(request: TrainRequest, options: Options, group: Group | None) -> Options:
    """Return the options with the leaf of workers where none is given, and say so."""
    if group is None:
        return options
    shared = share_options(options, name_numerics(request.exact, request.exact_fine))
    if shared.leaf != options.leaf:
        same = f"one process with --leaf {shared.leaf} has the same bits"
        request.output.note(f"leaf: {shared.leaf} of {shared.batch_size} images of a batch at a time; {same}")
    return shared


def _describe_reading(request: TrainRequest, recipe: Recipe, options: Options, free: bool) -> data.Reading:
    """Return how the options and the network say that the data are read; a free recipe takes pictures as they are."""
    _, shape = recipe.network()
    return request.read_options(None if free and len(shape) == 3 else shape, losses.parse(options.loss))


def note_data(output: Output, dataset: Dataset) -> None:
    """Say what the reader of the data noticed, and which classes have no images."""
    for note in (*dataset.notes, *filter(None, [dataset.absent])):
        output.note(note)


def _build_model(request: TrainRequest, recipe: Recipe, options: Options, dataset: Dataset) -> Model:
    network, input_shape = recipe.network()
    # before any weight is drawn
    require_fit(losses.parse(options.loss), input_shape, network.output_shape(input_shape), dataset)
    numerics = name_numerics(request.exact, request.exact_fine)
    backend = get_backend(request.backend or "numpy", request.device, request.threads, request.tf32, numerics)
    return Model(
        network, input_shape, backend=backend, dtype=request.dtype or "float32", seed=options.seed, loss=options.loss,
        class_names=dataset.class_names, scaling=dataset.scaling,
    )  # fmt: skip


def begin(prepared: PreparedRun, group: Group | None = None) -> Training:
    """Return the training to run, at its start."""
    return prepared.mark(Training(prepared.model, prepared.dataset, prepared.options, group))


def explain_ways(out: Path, prepared: PreparedRun, earlier: Existing) -> str:
    """Return what OUT holds and the options that continue, replace or keep it: those that work."""
    named, differences = write_command(out), "; ".join(earlier.differs.values())
    if earlier.file is None:
        return f"{out}: already exists ({differences}): --overwrite replaces it, -o OTHER.h5 keeps it"
    ways = ["--overwrite replaces it", "-o OTHER.h5 keeps it"]
    if _starts_from(prepared.model, out):
        ways.append(f"--init-from {named} -o OTHER.h5 starts from its weights")
    if earlier.resumable:
        ways.insert(0, "--resume continues it")
    elif earlier.file.position is not None and not earlier.finished:
        alone = write_command(
            "cnnkit", "train", "--resume", "-o", out, *name_data(prepared.dataset, prepared.origin, out)
        )
        ways.append(f"`{alone}` alone continues what it holds")
    holds = f"something else ({differences})"
    if earlier.file.position is not None and not list_serious(earlier.differs, earlier.file.metadata["run"]):
        begun, epochs = count_epochs(earlier.file), stored_options(earlier.file.metadata).epochs
        holds = f"a training of this very run, epoch {begun} of {epochs}" + (f" ({differences})" if differences else "")
    return f"{out}: holds {holds}: {', '.join(ways)}"


def _starts_from(model: Model, path: Path) -> bool:
    """Return whether --init-from would take anything from a file; the model is not used afterwards."""
    try:
        initialise(model, path)
    except WeightFileError:
        return False
    return True
