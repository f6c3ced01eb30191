"""A check has a name and cases; a case makes calls that every backend supports, and knows their right results."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Array, Backend
from cnnkit.parity.bounds import Kind
from cnnkit.parity.draw import Draw, SeededDraw
from cnnkit.precision import array_dtype
from cnnkit.tree import Tree, map_leaves


class Arena(NamedTuple):
    """A backend and the dtype in which a case runs; arrays are float32 around half precision."""

    backend: Backend
    dtype: str

    def array(self, values: Any) -> Array:
        """Return host values as an array of the backend, a copy."""
        return self.backend.asarray(np.array(values), array_dtype(self.dtype))

    def integers(self, values: Any) -> Array:
        """Return host values as int64 on the backend."""
        return self.backend.asarray(np.array(values), "int64")

    def tree(self, tree: Tree) -> Tree:
        """Return a tree of host values as arrays of the backend."""
        return map_leaves(self.array, tree)

    def host(self, x: Array) -> Any:
        """Return x as a NumPy array, a copy."""
        return np.array(self.backend.to_numpy(x))


@dataclass(frozen=True, eq=False)
class Case:
    """One set of arguments.

    run       makes the calls on an arena and returns the results by name: arrays of the backend or of NumPy
    kind      selects the bound; kinds: name of a result -> another kind for this result
    wanted    results that are known without a backend; the others are computed by the reference
    dtype     of the results: "" for the floating dtype of the arena, None for any
    scale     magnitude of the results, for very small or large arguments; relative: each value has its own magnitude
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
        """Return the kind of bound for a result."""
        return (self.kinds or {}).get(result, self.kind)


@dataclass(frozen=True)
class Check:
    """A name and its cases.

    make_case (draw, arguments) -> Case; for arguments None it draws them
    grid      arguments of the cases that always run
    drawn     whether `make_case` can draw arguments
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
