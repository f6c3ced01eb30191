"""What a check is: a name, and cases; what a case is: a few calls that any backend can make, and what must come out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend
from cnnkit.parity.bounds import Kind
from cnnkit.parity.draw import Draw, SeededDraw
from cnnkit.tree import Tree, map_leaves


class Arena(NamedTuple):
    """A backend and the floating dtype that a case runs in."""

    backend: Backend
    dtype: str

    def array(self, values: Any) -> Array:
        """Return host values as an array of the backend, in memory of its own."""
        return self.backend.asarray(np.array(values), self.dtype)

    def integers(self, values: Any) -> Array:
        """Return host values as int64 on the backend."""
        return self.backend.asarray(np.array(values), "int64")

    def tree(self, tree: Tree) -> Tree:
        """Return a tree of host values as arrays of the backend."""
        return map_leaves(self.array, tree)

    def host(self, x: Array) -> Any:
        """Return x as a NumPy array of its own memory."""
        return np.array(self.backend.to_numpy(x))


@dataclass(frozen=True, eq=False)
class Case:
    """One set of arguments.

    run       makes the calls on an arena and returns the results by name: arrays of the backend, or of NumPy
    kind      which bound holds; kinds: another one for a result, by its name
    wanted    results that are known without any backend; the reference answers for those that are not
    dtype     of the results: "" is the arena's floating one; None: not looked at
    scale     the size of the results, where arguments are tiny or huge; relative: each value has its own
    """

    label: str
    run: Callable[[Arena], Mapping[str, Any]]
    kind: Kind = "forward"
    kinds: Mapping[str, Kind] | None = None
    wanted: Mapping[str, Any] | None = None
    dtype: str | None = ""
    scale: float = 1.0
    relative: bool = False

    def kind_of(self, result: str) -> Kind:
        """Return which bound holds for a result."""
        return (self.kinds or {}).get(result, self.kind)


@dataclass(frozen=True)
class Check:
    """A name and its cases.

    make_case (draw, arguments) -> Case; arguments None: they are drawn as well
    grid      arguments of the cases that are always run
    drawn     whether arguments can be drawn
    """

    section: str
    name: str
    make_case: Callable[[Draw, Any], Case]
    grid: tuple[Any, ...] = ()
    drawn: bool = True

    def cases(self, draws: int, seed: int) -> Iterator[Case]:
        """Yield the grid's cases, then `draws` drawn ones."""
        letters = int.from_bytes(self.name.encode()[-4:], "little")
        for i, arguments in enumerate(self.grid):
            yield self.make_case(SeededDraw(seed, letters, 0, i), arguments)
        for i in range(draws if self.drawn else 0):
            yield self.make_case(SeededDraw(seed, letters, 1, i), None)
