"""The fixed binary tree by which the leaves of a batch are added up: its shape depends on the number of leaves alone.

The first 2^k leaves, the largest power below their number, are the left branch of a node, the others the right one.
A node is the range (first, stop) of its leaves. Sums of floats depend on the order of adding; by the tree, the bits of
a sum do not depend on who adds which leaves.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from cnnkit.backends.arrays import Array

Node = tuple[int, int]
T = TypeVar("T")


def split(node: Node) -> tuple[Node, Node]:
    """Return the left and the right branch of a node of two leaves or more."""
    first, stop = node
    middle = first + (1 << (stop - first - 1).bit_length() - 1)
    return (first, middle), (middle, stop)


def cover(count: int, first: int, stop: int) -> list[Node]:
    """Return the largest nodes of the tree of `count` leaves that leaves first, ..., stop - 1 fill, in their order.

    They are at most 2 log2(count): what remains of these leaves when those who own them have added what they can.
    """
    return _cover((0, count), first, stop) if first < stop else []


def _cover(node: Node, first: int, stop: int) -> list[Node]:
    if node[1] <= first or stop <= node[0]:
        return []
    if first <= node[0] and node[1] <= stop:
        return [node]
    left, right = split(node)
    return _cover(left, first, stop) + _cover(right, first, stop)


def find_branches(count: int, node: Node) -> tuple[Node, Node] | None:
    """Return the two branches, of which `node` is one, of its parent in the tree of `count` leaves; None for the root.

    Raises ValueError where the tree has no such node.
    """
    above = (0, count)
    if node == above:
        return None
    while above[1] - above[0] > 1:
        branches = split(above)
        if node in branches:
            return branches
        above = branches[node[0] >= branches[1][0]]
    raise ValueError(f"a tree of {count} leaves has no node {node}")


def add_in_pairs(values: Sequence[Array]) -> Array:
    """Return the sum of the values by the tree."""
    total = TreeSum[Array](len(values))
    for i, value in enumerate(values):
        total.add((i, i + 1), value)
    return total.whole


class TreeSum(Generic[T]):
    """Sums of nodes of a tree, added to each other as soon as two branches are there.

    count  of leaves in the whole tree
    nodes  {node: its sum}: what has been given and waits for its other branch. Leaves that come in order wait as the
           digits of a binary counter do: at most log2(count) + 1 at a time.
    """

    def __init__(self, count: int, plus: Callable[[T, T], T] | None = None) -> None:
        self.count, self.nodes = count, dict[Node, T]()
        self._plus: Callable[[Any, Any], Any] = operator.add if plus is None else plus

    def add(self, node: Node, value: T) -> None:
        """Take the sum of a node, each leaf once. Raises ValueError where the tree has no such node."""
        while (branches := find_branches(self.count, node)) is not None:
            left, right = branches
            other = self.nodes.pop(right if node == left else left, None)
            if other is None:
                break
            value = self._plus(value, other) if node == left else self._plus(other, value)
            node = (left[0], right[1])
        self.nodes[node] = value

    @property
    def whole(self) -> T:
        """The sum of all leaves. Raises ValueError while some are missing."""
        if (0, self.count) not in self.nodes:
            raise ValueError(f"of {self.count} leaves only those of {sorted(self.nodes)} are there")
        return self.nodes[0, self.count]


def count_waiting(count: int) -> int:
    """Return how many sums of a tree of `count` leaves are held at most at one time, where they come in order."""
    return count.bit_length()
