"""From options to a recipe and a data set; shared by the commands that need them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.recipes import Recipe

DEFAULT_RECIPE = "digits-cnn"


def choose_recipe(
    name: str | None, model: Path | None, faithful: bool = False, initializer: str | None = None
) -> "Recipe":
    """Return the recipe that --recipe or --model names, changed by --faithful and --initializer."""
    from cnnkit import recipes

    if name is not None and model is not None:
        raise ConfigError("expected --recipe or --model, got both: leave one out")
    recipe = recipes.get(name or DEFAULT_RECIPE) if model is None else recipes.read(model)
    if faithful:
        recipe = recipe.faithful()
    return recipe.with_initializers(weight_initializer=initializer) if initializer else recipe


def drop_unset(**options: Any) -> dict[str, Any]:
    """Return the options without those that are None."""
    return {name: value for name, value in options.items() if value is not None}
