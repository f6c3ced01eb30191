"""Trees of arrays: nested dictionaries whose leaves are arrays, named by dotted paths (`2.weight`).

A layer without parameters has the empty tree, and a parent does not list it: `child(tree, name)` answers {} then.
"""

from collections.abc import Callable, Mapping
from typing import Any

Tree = dict[str, Any]  # name -> leaf or Tree


def child(tree: Mapping[str, Any], name: str) -> Tree:
    """Return the subtree under `name`, empty when the tree does not list it."""
    found: Tree = tree.get(name, {})
    return found


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {dotted path: leaf} in the order of the tree."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def unflatten(flat: Mapping[str, Any]) -> Tree:
    """Return the tree whose `flatten` is `flat`.

    Raises ValueError where one path is both a leaf and a folder.
    """
    tree: Tree = {}
    for path, leaf in flat.items():
        *folders, name = path.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path}: {folder} is a leaf already")
        if name in node:
            raise ValueError(f"{path}: named twice")
        node[name] = leaf
    return tree


def map_leaves(function: Callable[..., Any], tree: Mapping[str, Any], *rest: Mapping[str, Any]) -> Tree:
    """Return the tree of function(leaf, leaf of rest[0], ...); `rest` must have the names of `tree`."""
    return {
        name: map_leaves(function, value, *(other[name] for other in rest))
        if isinstance(value, dict)
        else function(value, *(other[name] for other in rest))
        for name, value in tree.items()
    }
