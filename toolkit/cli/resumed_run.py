"""From the file of a training to the same training, going on: `cnnkit train --resume`.

The file holds every setting. Options that the command line gives must agree with it, except those that may change.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cnnkit import architecture, data
from cnnkit.backends import get_backend
from cnnkit.backends.groups import Group
from cnnkit.backends.protocol import Backend
from cnnkit.cli.choice import choose_recipe
from cnnkit.cli.data_source import describe_source, load_data
from cnnkit.cli.options import name_numerics
from cnnkit.cli.prepared_run import PreparedRun, list_given, note_data
from cnnkit.cli.recipe_for_data import adapt_recipe
from cnnkit.cli.train_request import TrainRequest
from cnnkit.data import Dataset
from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.model import Model
from cnnkit.precision import HALF
from cnnkit.recipes import Recipe
from cnnkit.training import Options, Training, checkpoint
from cnnkit.training.run import differences, identity, read_training, require_possible, stored_options
from cnnkit.training.sharing import share_options


def resume(request: TrainRequest, group: Group | None = None) -> tuple[PreparedRun, Training, WeightFile]:
    """Return the training in OUT, ready for its next batch, and the file that it was read from.

    group: of workers that share it. Raises ConfigError where OUT holds none, options were given that it was not trained
    with, or workers cannot share it.
    """
    if request.overwrite or request.init_from or request.replace_head:
        others = "--overwrite, --init-from or --replace-head"
        raise ConfigError(f"expected --resume alone, got {others} with it: leave one out")
    file = read_training(request.out)
    stored: Mapping[str, Any] = file.metadata["run"]
    recipe = _choose_given_recipe(request, stored)
    options = _merge_options(request, file, recipe)
    model = Model.from_weights(file, backend=_find_backend(request, stored), dtype=request.dtype or _find_half(stored))
    reading = request.read_options(model.input_shape, model.loss)
    dataset = load_data(request.output, request.data, file, reading)
    origin = file.metadata.get("data")
    if request.data is not None or not isinstance(origin, dict):
        origin = describe_source(request.data or dataset.name, dataset, request.out)
    dataset = data.arrange_classes(dataset, model.class_names, str(request.out))
    note_data(request.output, dataset)
    name, tf32 = str(stored.get("recipe")), request.tf32 or stored.get("tf32") is True
    run = identity(model, dataset, options, name, stored.get("init_from"), tf32, stored.get("new_head"))
    if group is not None and str(stored.get("device")).partition(":")[0] == run["device"].partition(":")[0]:
        run["device"] = stored["device"]  # each worker of a machine takes a GPU of its own
    differs = differences(stored, run | _describe_recipe(request, recipe, dataset, options, stored))
    if "architecture" in differs:
        named = [f"--{name}" for name in ("recipe", "model", "faithful", "initializer") if getattr(request, name)]
        differs["architecture"] = f"{' and '.join(named) or 'the network'}: another architecture"
    require_possible(file, differs, options.epochs)
    if group is not None and share_options(options, model.backend.numerics) != options:
        raise ConfigError(
            f"{request.out}: was trained without --leaf, by one process, whose bits several workers do not have: "
            "resume it without mpiexec or torchrun, or start a new training with -o OTHER.h5"
        )
    for kept in _list_kept(options, file, recipe, request):
        request.output.note(kept)
    for change in differs.values():
        request.output.note(f"resuming with a change: {change}")
    prepared = PreparedRun(name, origin, dataset, options, model, run)
    return prepared, prepared.mark(checkpoint.resume(model, dataset, options, file, group=group)), file


def _find_half(stored: Mapping[str, Any]) -> str | None:
    """Return the 16-bit type of the run, whose file holds float32; None where the file tells the type itself."""
    dtype = stored.get("dtype")
    return dtype if isinstance(dtype, str) and dtype in HALF else None


def _choose_given_recipe(request: TrainRequest, stored: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe that the options name, None where they name none; --faithful alone is of the file's recipe."""
    if request.recipe is None and request.model is None and not request.faithful:
        return None
    name = request.recipe if request.recipe or request.model else str(stored.get("recipe"))
    return choose_recipe(name, request.model, request.faithful)


def _merge_options(request: TrainRequest, file: WeightFile, recipe: Recipe | None) -> Options:
    """Return the file's options with those that the command line gives; settings of a recipe are only defaults."""
    given = (recipe.published if recipe is not None and request.faithful else {}) | list_given(request)
    options = stored_options(file.metadata, file.file)
    return Options(**(vars(options) | {name: value for name, value in given.items() if name in vars(options)}))


def _list_kept(options: Options, file: WeightFile, recipe: Recipe | None, request: TrainRequest) -> Iterator[str]:
    """Yield a line for each setting of the file that the recipe has otherwise."""
    given, wanted = list_given(request), vars(Options(**({} if recipe is None else recipe.training)))
    for name, value in (recipe.training if recipe is not None else {}).items():
        if name not in given and vars(options)[name] != wanted[name]:
            yield f"{name}: {vars(options)[name]} as in {file.file}; the recipe has {value}"


def _find_backend(request: TrainRequest, stored: Mapping[str, Any]) -> Backend:
    """Return the backend that the options name, else that of the file."""
    name, device, threads = (stored.get(key) for key in ("backend", "device", "threads"))
    same = request.backend in (None, name)
    numerics, stored_numerics = name_numerics(request.exact, request.exact_fine), str(stored.get("numerics", "plain"))
    return get_backend(
        request.backend or str(name),
        request.device or (device if same and isinstance(device, str) else None),
        request.threads or (threads if same and type(threads) is int and threads > 0 else None),
        request.tf32 or stored.get("tf32") is True,
        numerics if numerics != "plain" else stored_numerics,
    )


def _describe_recipe(
    request: TrainRequest, recipe: Recipe | None, dataset: Dataset, options: Options, stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return recipe and architecture as an identity has them, for those that the options name."""
    described = stored.get("architecture")
    if recipe is not None and recipe.name != stored.get("recipe"):  # refused, whether or not it would fit the data
        described = architecture.describe(*recipe.network())
    elif recipe is not None:
        free = request.model is None and not request.faithful
        classes = free or stored.get("init_from") is not None
        recipe = adapt_recipe(request.output, recipe, dataset, options, images=free, classes=classes)
        described = architecture.describe(*recipe.network())
    if request.initializer is not None and isinstance(described, dict):
        described = architecture.replace_initializers(described, {"weight_initializer": request.initializer})
    return {"architecture": described} | ({} if recipe is None else {"recipe": recipe.name})
