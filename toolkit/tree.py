"""Trees of arrays, and the one contract for walking them: `leaves` takes a tree apart, `rebuild` puts it together.

A tree is a dictionary, tuple, list or NamedTuple of trees, or a FlatTree; anything else is a leaf. Parameters and state
are nested dictionaries, whose leaves also have dotted paths (`2.weight`). A layer without parameters has the empty
tree, which its parent does not list: `child(tree, name)` returns {} then.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Tree = dict[str, Any]  # name -> leaf or Tree
Layout = tuple[tuple[str, tuple[int, ...], int], ...]  # ((dotted path, shape, start in `flat`), ...) of a FlatTree
# A tree without its leaves, in prefix order: None for a leaf, else dict and its names, FlatTree and its layout, or the
# class of a sequence and its length. A flat tuple is built and compared faster than a nested one.
Structure = tuple[Any, ...]


class FlatTree(dict[str, Any]):
    """A tree of arrays that are views of `flat`, an array of one axis; an optimizer then updates one array.

    layout: path, shape and place in `flat` of each view, in their order in the tree.
    """

    def __init__(self, like: Mapping[str, Any] | Layout, flat: Any) -> None:
        """Cut `flat` into the shapes of the tree `like` in their order, or as in another FlatTree, or by a layout."""
        self.layout: Layout = (
            like.layout if isinstance(like, FlatTree) else like if isinstance(like, tuple) else lay(like)
        )
        self.flat, views = flat, {}
        for path, shape, start in self.layout:
            views[path] = flat[start : start + math.prod(shape)].reshape(shape)
        super().__init__(unflatten(views))

    @property
    def in_memory(self) -> Layout:
        """The layout in the order of `flat`."""
        return tuple(sorted(self.layout, key=lambda entry: entry[2]))

    def renewed(self, flat: Any) -> "FlatTree":
        """Return the tree of the same layout on another `flat`, this tree itself if `flat` is its own."""
        return self if flat is self.flat else FlatTree(self.layout, flat)


def lay(tree: Mapping[str, Any], order: Iterable[str] = ()) -> Layout:
    """Return the layout of a flat array that holds the tree's arrays one after the other, in this order of paths."""
    shapes = {path: tuple(array.shape) for path, array in flatten(tree).items()}
    starts, start = {}, 0
    for path in order or shapes:
        starts[path] = start
        start += math.prod(shapes[path])
    return tuple((path, shape, starts[path]) for path, shape in shapes.items())


def leaves(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree in order, and what remains of it without them. The one leaf of a FlatTree is `flat`.

    Structures are equal where classes, names, lengths and layouts are.
    """
    collected: list[Any] = []
    structure: list[Any] = []
    _take_apart(tree, collected, structure)
    return collected, tuple(structure)


def _take_apart(tree: Any, collected: list[Any], structure: list[Any]) -> None:
    try:
        node = _NODES[type(tree)]
    except KeyError:
        node = _NODES[type(tree)] = _node(type(tree))
    structure.append(node)
    if node is None:
        collected.append(tree)
    elif node is FlatTree:
        structure.append(tree.layout)
        collected.append(tree.flat)
    elif node is dict:
        structure.append(tuple(tree))
        for part in tree.values():
            _take_apart(part, collected, structure)
    else:
        structure.append(len(tree))
        for part in tree:
            _take_apart(part, collected, structure)


def _node(kind: type) -> type | None:
    """Return the class that trees of class `kind` are rebuilt as, None where they are leaves."""
    bases = (base for base in (FlatTree, dict) if issubclass(kind, base))
    return next(bases, kind if issubclass(kind, tuple | list) else None)


_NODES: dict[type, type | None] = {}  # results of _node: a captured step takes its arguments apart in each call


def rebuild(structure: Structure, values: Iterable[Any]) -> Any:
    """Return the tree of this structure with these leaves. Raises ValueError where their number does not fit."""
    rest = iter(values)
    try:
        tree = _put_together(iter(structure), rest)
    except StopIteration:
        raise ValueError("a tree was given fewer leaves than it has") from None
    if next(rest, rest) is not rest:
        raise ValueError("a tree was given more leaves than it has")
    return tree


def _put_together(structure: Iterator[Any], rest: Iterator[Any]) -> Any:
    node = next(structure)
    if node is None:
        return next(rest)
    detail = next(structure)
    if node is FlatTree:
        return FlatTree(detail, next(rest))
    if node is dict:
        return {name: _put_together(structure, rest) for name in detail}
    parts = [_put_together(structure, rest) for _ in range(detail)]
    return node(*parts) if hasattr(node, "_fields") else node(parts)


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
