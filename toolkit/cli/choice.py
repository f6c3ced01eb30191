"""From options to a recipe and a data set; shared by the commands that need them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError
from cnnkit.files.shell import write_command

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
    if name is not None and (name.endswith(".toml") or Path(name).is_file()):
        raise ConfigError(f"--recipe {name}: is a file: did you mean --model {write_command(name)}?")
    if model is not None:
        require_file(model, "--model")
    recipe = recipes.get(name or DEFAULT_RECIPE) if model is None else recipes.read(model)
    if faithful:
        recipe = recipe.faithful()
    return recipe.with_initializers(weight_initializer=initializer) if initializer else recipe


def find_recipe(name: str) -> str | None:
    """Return the recipe of that name, or of one that is near."""
    import difflib

    from cnnkit import recipes

    names = list(recipes.names())
    inside = [known for known in names if name and name.lower() in known]
    near = difflib.get_close_matches(name.lower(), names, 1)
    return name if name in names else inside[0] if inside else near[0] if near else None


def require_file(path: Path, option: str = "") -> None:
    """Raise ConfigError when there is no such file, and a recipe of that name."""
    recipe = None if path.exists() else find_recipe(str(path))
    if recipe is not None:
        raise ConfigError(f"{f'{option} {path}'.strip()}: no such file: did you mean --recipe {recipe}?")


def drop_unset(**options: Any) -> dict[str, Any]:
    """Return the options without those that are None."""
    return {name: value for name, value in options.items() if value is not None}
