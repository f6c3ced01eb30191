"""A tree whose leaves are views of one flat array, so that an optimizer can treat all of them in one go."""

import math
from collections.abc import Mapping
from typing import Any

from cnnkit.backends.protocol import Array, Backend
from cnnkit.tree import Tree, flatten, unflatten


class FlatTree(dict[str, Any]):
    """A tree of arrays; `flat` is the array of one axis whose parts its leaves are, `paths` names them in order."""

    def __init__(self, like: Mapping[str, Any], flat: Array) -> None:
        """Cut `flat` into the shapes of the tree `like`."""
        leaves, start = {}, 0
        for path, array in flatten(like).items():
            shape = tuple(array.shape)
            size = math.prod(shape)
            leaves[path] = flat[start : start + size].reshape(shape)
            start += size
        super().__init__(unflatten(leaves))
        self.flat, self.paths = flat, tuple(leaves)

    def renewed(self, flat: Array) -> "FlatTree":
        """Return this tree with the values of `flat`: itself where it has them already."""
        return self if flat is self.flat else FlatTree(self, flat)


def flat_tree(backend: Backend, tree: Tree) -> FlatTree:
    """Return a tree with the values of `tree` in memory of its own."""
    return FlatTree(tree, backend.pack(list(flatten(tree).values())))
