"""docs/parity.md: each convention names an existing test, the code runs, the table names every primitive."""

import re
from pathlib import Path

from cnnkit.parity.primitives import PRIMITIVES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "parity.md").read_text("utf-8")


def test_every_convention_names_a_test_that_exists() -> None:
    section = PAGE.split("## Conventions")[1].split("##")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(lines) >= 15
    for line in lines:
        tests = re.findall(r"`([^`]+)`", line.split(" | ")[-1])
        assert tests, line
        for path, _, name in (test.partition("::") for test in tests):
            assert f"def {name}(" in (ROOT / "tests" / path).read_text("utf-8"), line


def test_every_primitive_is_in_the_table_or_listed_as_exact() -> None:
    section = PAGE.split("## Largest error by primitive")[1]
    rows = set(re.findall(r"^\| (\w+) \| (?:forward|gradient)", section, re.M))
    exact = set(re.findall(r"`(\w+)`", section.split("equal bit for bit:")[1].split("In float64")[0]))
    assert rows | exact == set(PRIMITIVES)
    assert not rows & exact


def test_the_library_example_runs(capsys) -> None:
    (code,) = re.findall(r"```python\n(from cnnkit import parity.*?)```", PAGE, re.S)
    exec(compile(code, "docs/parity.md", "exec", dont_inherit=True), {})
    assert capsys.readouterr().out == "True None\n"
