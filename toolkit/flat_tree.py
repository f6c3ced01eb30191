"""Packing a tree of arrays into one flat array."""

from collections.abc import Sequence

from cnnkit.backends.protocol import Backend
from cnnkit.tree import FlatTree, Tree, flatten, lay


def flat_tree(backend: Backend, tree: Tree, order: Sequence[str] = ()) -> FlatTree:
    """Return a tree with the values of `tree` in memory of its own, one flat array.

    order: of the paths in memory, that of the tree by default; optimizers update neighbours at once.
    """
    arrays = flatten(tree)
    return FlatTree(lay(tree, order), backend.pack([arrays[path] for path in order or arrays]))
