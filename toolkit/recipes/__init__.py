"""Recipes: networks with the data and the settings they are trained with, each a TOML file that a person can read."""

from cnnkit.recipes.recipe import Recipe, get, names, parse, read, text

__all__ = ["Recipe", "get", "names", "parse", "read", "text"]
