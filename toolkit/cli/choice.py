"""From options to a recipe, a data set and a model; shared by the commands that need one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.exporters import WeightFile
    from cnnkit.recipes import Recipe

DEFAULT_RECIPE = "digits-cnn"


def chosen_recipe(
    name: str | None, model: Path | None, faithful: bool = False, initializer: str | None = None
) -> "Recipe":
    """Return the recipe that --recipe or --model names, with --faithful and --initializer worked in."""
    from cnnkit import recipes

    if name is not None and model is not None:
        raise ConfigError("expected --recipe or --model, got both: leave one out")
    recipe = recipes.get(name or DEFAULT_RECIPE) if model is None else recipes.read(model)
    if faithful:
        recipe = recipe.faithful()
    return recipe.with_initializers(weight_initializer=initializer) if initializer else recipe


def chosen_data(source: str | None, file: "WeightFile") -> "Dataset":
    """Return the data set that --data names, or else the one that a weight file was trained on."""
    from cnnkit import data

    trained_on = file.metadata.get("data")
    name = trained_on.get("name") if isinstance(trained_on, dict) else None
    if source is None and not isinstance(name, str):
        raise ConfigError(f"{file.file}: does not say what it was trained on: name a data set with --data")
    return data.load(source if source is not None else str(name))


def with_classes(recipe: "Recipe", classes: int) -> "Recipe":
    """Return the recipe with its last layer, a Dense, made for that many classes."""
    from dataclasses import replace

    layers = [dict(layer) for layer in recipe.architecture["layers"]]
    if layers[-1].get("type") == "Dense":
        layers[-1]["features"] = classes
    return replace(recipe, architecture=recipe.architecture | {"layers": layers})


def source_of(name: str) -> str:
    """Return a data source so that it is found from another folder too: paths become absolute, names stay."""
    from cnnkit import data

    folder = os.environ.get("CNNKIT_DATA_DIR")
    named = name in {known.name for known in data.known()} or (folder is not None and (Path(folder) / name).exists())
    return name if named or not os.path.exists(name) else str(Path(name).resolve())


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in options.items() if value is not None}
