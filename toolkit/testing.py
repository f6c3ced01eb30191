"""The parity suite as tests, for whoever writes a backend; needs pytest, and uses Hypothesis where it is installed.

import cnnkit.testing

class TestMine(cnnkit.testing.BackendSuite):
    backend = "mine"  # a registered name, or a Backend of yours
"""

import importlib.util
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from cnnkit.backends.protocol import Backend
from cnnkit.backends.registry import get_backend
from cnnkit.parity import Settings, suite
from cnnkit.parity.check import Arena, Check
from cnnkit.parity.document import described
from cnnkit.parity.draw import HypothesisDraw
from cnnkit.parity.engine import measure, rows_of, run_check
from cnnkit.parity.primitives import PRIMITIVES
from cnnkit.parity.results import ParityRow

_BY_NAME = {check.name: check for check in suite.CHECKS}


class BackendSuite:
    """Every check of the suite as a test of its own, for one backend.

    backend   a registered name, or a Backend that is at hand
    dtypes    that it has
    examples  cases that Hypothesis draws a check; draws: cases of our own generator, which are the same every time
    recipes   whose trainings are run
    """

    backend: ClassVar[str | Backend]
    dtypes: ClassVar[tuple[str, ...]] = suite.DTYPES
    examples: ClassVar[int] = 25
    draws: ClassVar[int] = 10
    recipes: ClassVar[tuple[str, ...]] = ("lenet5", "digits-cnn")

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Give tests that ask for a dtype those of this class."""
        if "dtype" in metafunc.fixturenames:
            metafunc.parametrize("dtype", cls.dtypes)
        if "recipe" in metafunc.fixturenames:
            metafunc.parametrize("recipe", cls.recipes)

    @classmethod
    def _arena(cls, dtype: str) -> Arena:
        return Arena(get_backend(cls.backend), dtype)

    @classmethod
    def _pass(cls, rows: list[ParityRow]) -> None:
        assert rows, "nothing was compared"
        failed = [described(row) for row in rows if not row.passed]
        assert not failed, "\n".join(failed)

    def test_it_has_the_signatures_of_the_protocol(self) -> None:
        """Parameters of every public member have the protocol's names, kinds and defaults."""
        ready = get_backend(self.backend)
        for name, member in inspect.getmembers(Backend, inspect.isfunction):
            if not name.startswith("_"):
                found = inspect.signature(getattr(type(ready), name))
                assert _parameters(found) == _parameters(inspect.signature(member)), name

    @pytest.mark.parametrize("check", list(_BY_NAME))
    def test_it_gives_what_the_reference_gives(self, check: str, dtype: str) -> None:
        """Run the grid of a check, and cases that are drawn the same way every time."""
        oracle, arena = get_backend("reference"), self._arena(dtype)
        self._pass(run_check(_BY_NAME[check], self.draws, 0, [arena], oracle))

    @pytest.mark.parametrize("primitive", [name for name, check in PRIMITIVES.items() if check.drawn])
    def test_it_gives_what_the_reference_gives_in_cases_that_hypothesis_draws(self, primitive: str, dtype: str) -> None:
        """Run cases that Hypothesis draws, and shrinks when they fail."""
        if importlib.util.find_spec("hypothesis") is None:
            pytest.skip("Hypothesis is not installed: pip install hypothesis")
        _search(PRIMITIVES[primitive], self._arena(dtype), self.examples, self._pass)

    def test_it_trains_what_the_others_train(self, recipe: str, dtype: str) -> None:
        """Train a recipe for 100 steps beside the reference, shuffled, with dropout where it has some."""
        settings = Settings(dtypes=(dtype,), filter=f"training {recipe}", recipes=(recipe,))
        report = suite.run([get_backend(self.backend)], settings)
        self._pass(report.rows)

    def test_it_refuses_what_the_others_refuse(self) -> None:
        """Meet bad shapes, dtypes and devices with the same errors in the same words."""
        self._pass(suite.run([get_backend(self.backend)], Settings(filter="matrix")).rows)


def _parameters(signature: inspect.Signature) -> list[tuple[Any, ...]]:
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


def _search(check: Check, arena: Arena, examples: int, judge: Callable[[list[ParityRow]], None]) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    oracle = get_backend("reference")

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    )
    @given(data=st.data())
    def one(data: Any) -> None:
        case = check.make(HypothesisDraw(data), None)
        judge(rows_of(check, measure([case], [arena], oracle), [arena], oracle))

    one()
