"""Trees of arrays, and the one contract for walking them: `leaves` takes a tree apart, `rebuild` puts it together.

A tree is a dictionary, tuple, list or NamedTuple of trees, or a FlatTree; anything else is a leaf. Parameters and state
are nested dictionaries, whose leaves also have dotted paths (`2.weight`). A layer without parameters has the empty
tree, which its parent does not list: `child(tree, name)` returns {} then.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Tree = dict[str, Any]  # name -> leaf or Tree
Layout = tuple[tuple[str, tuple[int, ...]], ...]  # ((dotted path, shape), ...) of a FlatTree
Structure = Any  # None for a leaf, else (class, names or Layout, structures of the parts); has a hash and compares fast


class FlatTree(dict[str, Any]):
    """A tree of arrays that are views of `flat`, an array of one axis; an optimizer then updates one array.

    layout: the path and shape of each view, in their order in `flat`.
    """

    def __init__(self, like: Mapping[str, Any] | Layout, flat: Any) -> None:
        """Cut `flat` into the shapes of the tree `like`, or of a layout."""
        self.layout: Layout = (
            like if isinstance(like, tuple) else tuple((path, tuple(a.shape)) for path, a in flatten(like).items())
        )
        self.flat, views, start = flat, {}, 0
        for path, shape in self.layout:
            size = math.prod(shape)
            views[path] = flat[start : start + size].reshape(shape)
            start += size
        super().__init__(unflatten(views))

    def renewed(self, flat: Any) -> "FlatTree":
        """Return the tree of the same layout on another `flat`, this tree itself if `flat` is its own."""
        return self if flat is self.flat else FlatTree(self.layout, flat)


def leaves(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree in order, and what remains of it without them. The one leaf of a FlatTree is `flat`.

    Structures are equal where classes, names and shapes of FlatTrees are.
    """
    collected: list[Any] = []
    return collected, _take_apart(tree, collected.append)


def _take_apart(tree: Any, collect: Callable[[Any], None]) -> Structure:
    node = _NODES.get(type(tree), _UNSEEN)
    if node is _UNSEEN:
        node = _NODES[type(tree)] = _node(type(tree))
    if node is None:
        collect(tree)
        return None
    if node is FlatTree:
        collect(tree.flat)
        return node, tree.layout, ()
    if node is dict:
        return node, tuple(tree), tuple([_take_apart(part, collect) for part in tree.values()])
    return node, None, tuple([_take_apart(part, collect) for part in tree])


def _node(kind: type) -> type | None:
    """Return the class that trees of class `kind` are rebuilt as, None where they are leaves."""
    bases = (base for base in (FlatTree, dict) if issubclass(kind, base))
    return next(bases, kind if issubclass(kind, tuple | list) else None)


_UNSEEN: Any = object()
_NODES: dict[type, type | None] = {}  # results of _node: a captured step takes its arguments apart in each call


def rebuild(structure: Structure, values: Iterable[Any]) -> Any:
    """Return the tree of this structure with these leaves. Raises ValueError where their number does not fit."""
    rest = iter(values)
    try:
        tree = _put_together(structure, rest)
    except StopIteration:
        raise ValueError("a tree was given fewer leaves than it has") from None
    if next(rest, rest) is not rest:
        raise ValueError("a tree was given more leaves than it has")
    return tree


def _put_together(structure: Structure, rest: Iterator[Any]) -> Any:
    if structure is None:
        return next(rest)
    kind, names, parts = structure
    if kind is FlatTree:
        return FlatTree(names, next(rest))
    values = [_put_together(part, rest) for part in parts]
    if kind is dict:
        return dict(zip(names, values, strict=True))
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree of function(leaf)."""
    values, structure = leaves(tree)
    return rebuild(structure, map(function, values))


def child(tree: Mapping[str, Any], name: str) -> Tree:
    """Return the subtree under `name`, empty when the tree does not list it."""
    subtree: Tree = tree.get(name, {})
    return subtree


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {dotted path: leaf} of nested dictionaries, in order; of a FlatTree the views."""
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
    """Return nested dictionaries of function(leaf, leaf of rest[0], ...), matched by name; `rest` has tree's names."""
    return {
        name: map_leaves(function, value, *(other[name] for other in rest))
        if isinstance(value, dict)
        else function(value, *(other[name] for other in rest))
        for name, value in tree.items()
    }
