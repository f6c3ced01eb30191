"""From the options of `cnnkit train` to a training: a new one, or the one that OUT holds, resumed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cnnkit import data
from cnnkit.backends import get_backend
from cnnkit.cli.choice import choose_recipe, drop_unset
from cnnkit.cli.data_source import describe_source
from cnnkit.cli.recipe_for_data import adapt_recipe
from cnnkit.cli.train_request import TrainRequest
from cnnkit.data import Dataset
from cnnkit.errors import ConfigError
from cnnkit.model import Model
from cnnkit.recipes import Recipe
from cnnkit.training import Options, Training, checkpoint
from cnnkit.training.initialise import initialise
from cnnkit.training.run import Existing, class_names_of, identity, require_resumable, start_of

# The options of a training that are options of the command too; the seed is always given.
_SETTINGS = {field.name for field in fields(Options)} & {field.name for field in fields(TrainRequest)} - {"seed"}


@dataclass(frozen=True)
class PreparedRun:
    """A model, its data and its options before the first step.

    origin  name and SHA-256 of the data, and where they lie from OUT, as OUT tells them
    run     everything that decides the result, see `cnnkit.training.run.identity`
    """

    recipe: Recipe
    origin: Mapping[str, str]
    dataset: Dataset
    options: Options
    model: Model
    run: Mapping[str, Any]

    def describe(self, training: Training) -> str:
        """Return network, data, backend and seed in one line."""
        model, backend = self.model, self.model.backend
        return (
            f"{self.recipe.name} on {self.dataset.name}: {len(training.chosen):,} images to train on, "
            f"{len(training.held_out):,} to validate; {model.parameters:,} parameters; "
            f"{backend.name} on {backend.device}, {model.dtype}, seed {model.seed}"
        )


def prepare(request: TrainRequest) -> PreparedRun:
    """Return the run that the options request; weights come from the seed, or from --init-from where they fit."""
    output = request.output
    recipe = choose_recipe(request.recipe, request.model, request.faithful, request.initializer)
    settings = drop_unset(**{name: getattr(request, name) for name in _SETTINGS})
    options = Options(**(recipe.training | settings), seed=request.seed)
    source = request.data or recipe.data
    dataset = data.load(source)
    described = describe_source(source, dataset.fingerprint(), request.out)
    start = request.init_from or (request.out if request.resume else None)
    if start is not None:
        dataset = data.arrange_classes(dataset, class_names_of(start), str(start))
    for note in (*dataset.notes, *filter(None, [dataset.absent])):
        output.note(note)
    origin = start_of(request.out) if request.resume else None  # a resumed training keeps the origin of its weights
    free, transfer = request.model is None and not request.faithful, request.init_from is not None or origin is not None
    recipe = adapt_recipe(output, recipe, dataset, options, images=free, classes=free or transfer)
    model = _build_model(request, recipe, options, dataset)
    if request.init_from is not None:
        initialised = initialise(model, request.init_from)
        output.note(initialised.text)
        origin = initialised.sha256
    run = identity(model, dataset, options, recipe.name, origin, request.tf32)
    return PreparedRun(recipe, described, dataset, options, model, run)


def _build_model(request: TrainRequest, recipe: Recipe, options: Options, dataset: Dataset) -> Model:
    network, input_shape = recipe.network()
    backend = get_backend(request.backend, request.device, request.threads, request.tf32)
    return Model(
        network, input_shape, backend=backend, dtype=request.dtype or "float32", seed=request.seed, loss=options.loss,
        class_names=dataset.class_names, scaling=dataset.scaling,
    )  # fmt: skip


def begin(request: TrainRequest, prepared: PreparedRun, earlier: Existing | None) -> Training:
    """Return the training to run; `earlier` is what OUT holds. Raises ConfigError when OUT may not be replaced."""
    model = prepared.model
    if request.resume:
        file = require_resumable(request.out, earlier)
        for change in earlier.differs.values() if earlier else ():
            request.output.note(f"resuming with a change: {change}")
        model = Model.from_weights(file, backend=model.backend, dtype=model.dtype)
        training = checkpoint.resume(model, prepared.dataset, prepared.options, file)
    elif earlier is not None:
        raise ConfigError(_explain_ways(request, earlier))
    else:
        training = Training(model, prepared.dataset, prepared.options)
    told = {"recipe": prepared.recipe.name, "data": dict(prepared.origin), "run": prepared.run}
    training.model.metadata |= told
    return training


def _explain_ways(request: TrainRequest, earlier: Existing) -> str:
    """Return what OUT holds and the options that continue, replace or keep it."""
    out, differences = request.out, "; ".join(earlier.differs.values())
    if earlier.file is None:
        return f"{out}: already exists ({differences}): --overwrite replaces it, -o OTHER keeps it"
    holds = "an unfinished training of this very run" if earlier.same else f"something else ({differences})"
    ways = f"--resume continues it, --overwrite replaces it, --init-from {out} -o OTHER starts from its weights"
    return f"{out}: holds {holds}: {ways}"
