"""The example backend has every primitive; the tutorial quotes it correctly and gives the right counts."""

import ast
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

from cnnkit import parity
from cnnkit.backends.protocol import Backend

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "jax_backend"
FILES = sorted(path for path in EXAMPLE.rglob("*.py") if "build" not in path.relative_to(EXAMPLE).parts)
SOURCE = EXAMPLE / "cnnkit_jax" / "jax_backend.py"
TUTORIAL = (ROOT / "docs" / "write-a-backend.md").read_text("utf-8")


def parse_backend_class() -> ast.ClassDef:
    """Return the class that the entry point names, without importing JAX."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    module, name = project["entry-points"]["cnnkit.backends"]["jax"].split(":")
    package = ast.parse((EXAMPLE / module / "__init__.py").read_text("utf-8"))
    (source,) = [
        node.module
        for node in package.body
        if isinstance(node, ast.ImportFrom) and node.module and name in [alias.name for alias in node.names]
    ]
    body = ast.parse((EXAMPLE / f"{source.replace('.', '/')}.py").read_text("utf-8")).body
    (backend,) = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
    return backend


def test_the_files_parse() -> None:
    assert {path.name for path in FILES} == {"__init__.py", "jax_backend.py", "test_suite.py"}
    for path in FILES:
        ast.parse(path.read_text("utf-8"), path.name)


def test_the_class_has_every_primitive_with_the_parameters_of_the_protocol() -> None:
    methods = {node.name: node for node in parse_backend_class().body if isinstance(node, ast.FunctionDef)}
    assert methods.keys() >= Backend.__abstractmethods__
    for name, method in methods.items():
        wanted = inspect.signature(getattr(Backend, name))
        if name not in ("__init__", "availability"):
            assert [argument.arg for argument in method.args.args] == list(wanted.parameters), name


def test_the_counts_of_the_tutorial_are_true() -> None:
    lines = len(SOURCE.read_text("utf-8").splitlines())
    assert re.findall(r"(\d+) lines", TUTORIAL) == [str(lines)]
    assert lines < 300
    assert re.findall(r"(\d+) abstract methods", TUTORIAL) == [str(len(Backend.__abstractmethods__))]


def strip_lines(text: str) -> list[str]:
    """Return the lines that are not empty, without indentation and comments."""
    return [line for line in (line.split("  #")[0].strip() for line in text.splitlines()) if line]


def test_the_tutorial_quotes_the_example() -> None:
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", TUTORIAL, re.S)
    assert len(blocks) >= 10
    lines = {line for path in [*FILES, EXAMPLE / "pyproject.toml"] for line in strip_lines(path.read_text("utf-8"))}
    assert [line for block in blocks for line in strip_lines(block) if line not in lines] == []


def test_the_members_of_the_tutorial_are_those_of_the_protocol() -> None:
    table = re.findall(r"^\| (`.*?) \|", TUTORIAL, re.M)
    named = {name for cell in table for name in re.findall(r"`(\w+)", cell)}
    assert named
    assert named <= set(dir(Backend)) - Backend.__abstractmethods__


@pytest.mark.slow
def test_the_backend_passes_the_quick_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="JAX is not installed: pip install jax")
    monkeypatch.syspath_prepend(str(EXAMPLE))
    ready = __import__("cnnkit_jax").JaxBackend()
    monkeypatch.delitem(sys.modules, "cnnkit_jax")
    report = parity.run([ready], parity.Settings(quick=True))
    assert report.failures == []
    assert report.passed
