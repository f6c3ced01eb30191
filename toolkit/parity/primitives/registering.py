"""How a check of a primitive is written: a function from (draw, arguments) to a case, under the member's name."""

from collections.abc import Callable, Sequence
from typing import Any

from cnnkit.parity.check import Case, Check
from cnnkit.parity.draw import Draw

CaseMaker = Callable[[Draw, Any], Case]
SECTION = "primitives"


class Checks(dict[str, Check]):
    """The checks of one file, by protocol member."""

    def add(self, member: str, grid: Sequence[Any] = (), drawn: bool = True) -> Callable[[CaseMaker], CaseMaker]:
        """Return the decorator that enters a function as the check of `member`.

        grid: arguments that are always run. drawn: the function makes arguments of its own when given None.
        """

        def enter(make_case: CaseMaker) -> CaseMaker:
            self[member] = Check(SECTION, member, make_case, tuple(grid), drawn)
            return make_case

        return enter
