"""Packing a tree of arrays into one flat array."""

from cnnkit.backends.protocol import Backend
from cnnkit.tree import FlatTree, Tree, flatten


def flat_tree(backend: Backend, tree: Tree) -> FlatTree:
    """Return a tree with the values of `tree` in memory of its own, one flat array."""
    return FlatTree(tree, backend.pack(list(flatten(tree).values())))
