"""Register a function from (draw, arguments) to a case as the check of a protocol member."""

from collections.abc import Callable, Sequence
from typing import Any

from cnnkit.parity.check import Case, Check
from cnnkit.parity.draw import Draw

CaseMaker = Callable[[Draw, Any], Case]
SECTION = "primitives"


class Checks(dict[str, Check]):
    """The checks of one file, by protocol member."""

    def add(self, member: str, grid: Sequence[Any] = (), drawn: bool = True) -> Callable[[CaseMaker], CaseMaker]:
        """Return a decorator that registers a function as the check of `member`.

        grid: arguments that always run. drawn: the function draws arguments when given None.
        """

        def register(make_case: CaseMaker) -> CaseMaker:
            self[member] = Check(SECTION, member, make_case, tuple(grid), drawn)
            return make_case

        return register
