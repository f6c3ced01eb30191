"""Recipes small enough to compute: the large ones with an eighth of the channels, on images of 64 x 64."""

from typing import Any

from cnnkit import recipes

SHARE, SIDE = 8, 64


def narrow_architecture(name: str) -> dict[str, Any]:
    """Return the architecture of a recipe; of one without data, which is large, a narrow copy of the same layers."""
    recipe = recipes.get(name)
    if recipe.data != "none":
        return dict(recipe.architecture)
    narrow: dict[str, Any] = divide_channels(recipe.architecture)
    return narrow | {"input_shape": [narrow["input_shape"][0], SIDE, SIDE]}


def divide_channels(part: Any) -> Any:
    """Return a part of an architecture whose features and groups are divided, where they can be."""
    if isinstance(part, dict):
        return {
            key: value // SHARE if key in ("features", "groups") and value % SHARE == 0 else divide_channels(value)
            for key, value in part.items()
        }
    return [divide_channels(one) for one in part] if isinstance(part, list | tuple) else part
