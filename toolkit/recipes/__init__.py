"""Recipes: networks with the data and the settings they are trained with, each a TOML file that a person can read."""

from cnnkit.recipes.recipe import NO_DATA, Recipe, get, names, parse, read, text, with_data

__all__ = ["NO_DATA", "Recipe", "get", "names", "parse", "read", "text", "with_data"]
