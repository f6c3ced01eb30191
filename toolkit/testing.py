"""The parity suite as tests for authors of backends; needs pytest, and uses Hypothesis if it is installed.

import cnnkit.testing

class TestMine(cnnkit.testing.BackendSuite):
    backend = "mine"  # a registered name or a Backend instance
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
from cnnkit.parity.engine import make_rows, measure, run_check
from cnnkit.parity.primitives import PRIMITIVES
from cnnkit.parity.results import ParityRow

_BY_NAME = {check.name: check for check in suite.CHECKS}


class BackendSuite:
    """All checks of the suite for one backend, each as a separate test.

    backend   a registered name or a Backend instance
    dtypes    the dtypes that it supports
    examples  number of cases per check from Hypothesis
    draws     number of cases per check from the seeded generator, the same in every run
    recipes   names of the recipes to train
    """

    backend: ClassVar[str | Backend]
    dtypes: ClassVar[tuple[str, ...]] = suite.DTYPES
    examples: ClassVar[int] = 25
    draws: ClassVar[int] = 10
    recipes: ClassVar[tuple[str, ...]] = ("lenet5", "digits-cnn")

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Parametrise tests over the dtypes and recipes of the class."""
        if "dtype" in metafunc.fixturenames:
            metafunc.parametrize("dtype", cls.dtypes)
        if "recipe" in metafunc.fixturenames:
            metafunc.parametrize("recipe", cls.recipes)

    @classmethod
    def _make_arena(cls, dtype: str) -> Arena:
        return Arena(get_backend(cls.backend), dtype)

    @classmethod
    def _require_passed(cls, rows: list[ParityRow]) -> None:
        assert rows, "nothing was compared"  # noqa: S101 (a test)
        failed = [described(row) for row in rows if not row.passed]
        assert not failed, "\n".join(failed)  # noqa: S101 (a test)

    def test_signatures_follow_the_protocol(self) -> None:
        """Every public member has the parameters of the protocol: names, kinds and defaults."""
        ready = get_backend(self.backend)
        for name, member in inspect.getmembers(Backend, inspect.isfunction):
            if not name.startswith("_"):
                signature = inspect.signature(getattr(type(ready), name))
                same = _list_parameters(signature) == _list_parameters(inspect.signature(member))
                assert same, name  # noqa: S101 (a test)

    @pytest.mark.parametrize("check", list(_BY_NAME))
    def test_results_match_the_reference(self, check: str, dtype: str) -> None:
        """Run the grid of a check, and seeded random cases."""
        oracle, arena = get_backend("reference"), self._make_arena(dtype)
        self._require_passed(run_check(_BY_NAME[check], self.draws, 0, [arena], oracle))

    @pytest.mark.parametrize("primitive", [name for name, check in PRIMITIVES.items() if check.drawn])
    def test_results_match_the_reference_in_hypothesis_cases(self, primitive: str, dtype: str) -> None:
        """Run cases drawn by Hypothesis, which shrinks failing ones."""
        if importlib.util.find_spec("hypothesis") is None:
            pytest.skip("Hypothesis is not installed: pip install hypothesis")
        _run_hypothesis(PRIMITIVES[primitive], self._make_arena(dtype), self.examples, self._require_passed)

    def test_trainings_match_the_reference(self, recipe: str, dtype: str) -> None:
        """Train a recipe for 100 steps, shuffled, with its dropout, and compare with the reference."""
        settings = Settings(dtypes=(dtype,), filter=f"training {recipe}", recipes=(recipe,))
        report = suite.run([get_backend(self.backend)], settings)
        self._require_passed(report.rows)

    def test_refusals_match_the_reference(self) -> None:
        """Raise the same errors with the same text for bad shapes, dtypes and devices."""
        self._require_passed(suite.run([get_backend(self.backend)], Settings(filter="matrix")).rows)


def _list_parameters(signature: inspect.Signature) -> list[tuple[Any, ...]]:
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


def _run_hypothesis(check: Check, arena: Arena, examples: int, require: Callable[[list[ParityRow]], None]) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    oracle = get_backend("reference")

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=set(Phase) - {Phase.explain},  # which parts of a shrunk case matter: slow, and nothing for drawn data
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    )
    @given(data=st.data())
    def run_case(data: Any) -> None:
        case = check.make_case(HypothesisDraw(data), None)
        require(make_rows(check, measure([case], [arena], oracle), [arena], oracle))

    run_case()
