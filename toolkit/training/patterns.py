"""Patterns of the names of layers and tensors, as `--freeze` and `--layer-rate` take them: conv1, 'features.*'."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from cnnkit.architecture import walk_layers
from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.layers import Layer

_LISTED = 6


def find_owners(network: Layer, input_shape: Shape, names: Iterable[str]) -> dict[str, str]:
    """Return {name of a tensor: path of the layer that it belongs to}."""
    paths = {path for path, layer, shape, _ in walk_layers(network, input_shape) if not any(layer.children(shape))}
    return {name: _find_owner(name, paths) for name in names}


def _find_owner(name: str, paths: set[str]) -> str:
    owner = name.rpartition(".")[0]
    while owner not in paths and "." in owner:
        owner = owner.rpartition(".")[0]
    return owner


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a pattern matches a tensor's name, its layer's path, or that of a layer around it."""
    parts = name.split(".")
    paths = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(fnmatchcase(path, pattern) for pattern in patterns for path in paths)


def require_matches(option: str, patterns: Iterable[str], owners: Mapping[str, str]) -> None:
    """Raise ConfigError for a pattern that matches none of the tensors; owners: {name of a tensor: its layer}."""
    for pattern in patterns:
        if not any(matches(name, [pattern]) for name in owners):
            known = list_names(list(dict.fromkeys(owners.values())))
            raise ConfigError(f"{option}: {printable(pattern, 60)!r} matches no tensor or layer with weights: {known}")


def list_names(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(map(printable, names[:_LISTED])) + (f" and {more} more" if more > 0 else "")
