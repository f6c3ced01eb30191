"""Every regular expression of the package takes time in proportion to its text: nothing from a file can stall it."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from linear.ambiguity import find_slowness

from cnnkit.data import csv_reader

ROOT = Path(__file__).parents[1]
FOLDERS = {"toolkit": "cnnkit", "backends": "cnnkit.backends", "exporters": "cnnkit.exporters", "data": "cnnkit.data"}
METHODS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


class Expression(NamedTuple):
    """A regular expression, where it stands, and the method that uses it; None: several, or not known."""

    where: str
    pattern: str | bytes
    flags: int
    method: str | None


# Made while the program runs: module, and what the makers of such a pattern give.
_NUMBER = csv_reader._NUMBER
MADE = {
    "cnnkit.training.kept_epochs": ((r"weights\-epoch\-([0-9]{4,18})\.h5", "fullmatch"),),
    "cnnkit.data.csv_reader": (
        (rb"(?:%s,){%d}%s(?:,%s){%d}" % (csv_reader._WHOLE, 2, _NUMBER, csv_reader._WHOLE, 3), "fullmatch"),
        (_NUMBER + rb"(?:,%s){%d}" % (_NUMBER, 3), "fullmatch"),
        (_NUMBER, "fullmatch"),
    ),
}


def parse_modules() -> Iterator[tuple[str, ast.Module]]:
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            yield name, ast.parse(path.read_text("utf-8"))


MODULES = dict(parse_modules())
IMPORTS = {
    name: {
        (node.module, alias.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    for name, tree in MODULES.items()
}


def find_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of functions of `re` that take a pattern."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "re":
                yield node


def read_flags(call: ast.Call) -> int:
    """Return the flags that a call names, as `re.DOTALL`."""
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    names = [node.attr for part in given for node in ast.walk(part) if isinstance(node, ast.Attribute)]
    return sum(int(getattr(re, name)) for name in names if name.isupper() and hasattr(re, name))


def find_methods(module: str, name: str) -> set[str]:
    """Return the methods that are called on the pattern of this name of a module; "?" where it is handed on."""
    package, _, last = module.rpartition(".")
    used = set()
    for user, tree in MODULES.items():
        bare, dotted = user == module or (module, name) in IMPORTS[user], (package, last) in IMPORTS[user]
        if not (bare or dotted):
            continue

        def is_it(node: ast.AST, bare: bool = bare, dotted: bool = dotted) -> bool:
            if isinstance(node, ast.Name):
                return bare and node.id == name
            return dotted and isinstance(node, ast.Attribute) and node.attr == name

        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and is_it(node.value):
                used.add(node.attr)
            if isinstance(node, ast.Call) and any(map(is_it, node.args)):
                used.add("?")
    return used


def list_expressions() -> Iterator[Expression]:
    for module, tree in MODULES.items():
        kept = {}  # {call: name} of `NAME = re.compile(...)` at the top
        for node in tree.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.targets[0], ast.Name)
            ):
                kept[node.value] = node.targets[0].id
        made = []
        for call in find_calls(tree):
            assert isinstance(call.func, ast.Attribute)
            where = f"{module}:{call.lineno}"
            if call in kept:
                compiled = getattr(importlib.import_module(module), kept[call])
                methods = find_methods(module, kept[call])
                for method in methods or {"?"}:
                    yield Expression(where, compiled.pattern, compiled.flags, method)
            elif isinstance(call.args[0], ast.Constant):
                yield Expression(where, call.args[0].value, read_flags(call), call.func.attr)
            else:
                made.append(where)
        assert len(made) == len(MADE.get(module, ())), f"patterns made while the program runs, not in MADE: {made}"
        for pattern, method in MADE.get(module, ()):
            yield Expression(module, pattern, 0, method)


TRUSTED = {"cnnkit.backends.cuda.simulator.kernel_source": "it reads the sources of cnnkit's own kernels, nothing else"}
EXPRESSIONS = list(list_expressions())


def test_all_are_found() -> None:
    assert len(EXPRESSIONS) > 90
    assert {"cnnkit.data.csv_reader", "cnnkit.inspection.maker", "cnnkit.exporters.text.grammar"} <= {
        expression.where.partition(":")[0] for expression in EXPRESSIONS
    }


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda e: e.where)
def test_each_is_linear(expression) -> None:
    slow = find_slowness(expression.pattern, expression.flags, expression.method or "search")
    assert slow is None or (slow == "polynomial" and expression.where.partition(":")[0] in TRUSTED)


@pytest.mark.parametrize(
    ("pattern", "method", "slow"),
    [
        (r"(a+)+b", "match", "exponential"),
        (r"(a*)*b", "match", "exponential"),
        (r"(a|a)*b", "match", "exponential"),
        (r"(a|ab|b)*c", "match", "exponential"),
        (r"(\w+\s?)*$", "match", "exponential"),
        (r"(x+x+)+y", "fullmatch", "exponential"),
        (r"(.*)*", "fullmatch", "exponential"),
        (r"a*a*b", "match", "polynomial"),
        (r".*x.*y", "fullmatch", "polynomial"),
        (r"\s*[\r\n]\s*", "sub", "polynomial"),
        (r"[^\s@]+@[^\s@]+", "search", "polynomial"),
        (r"\d+\d+", "fullmatch", "polynomial"),
        (r"a+$", "search", "polynomial"),
        (r"[^\s@]+@[^\s@]+", "match", None),
        (r"(a+b)+c", "match", None),
        (r"\d+(\.\d*)?", "fullmatch", None),
        (r"[0-9]+|[^0-9]+", "findall", None),
        (r"\s+", "split", None),
        (r'"(?:[^"\\]|\\.)*"', "search", "polynomial"),
        (r'"(?:[^"\\]|\\.)*"', "match", None),
        (rb"[ -~]+", "match", None),
    ],
)
def test_what_is_slow_is_known_to_be(pattern, method, slow) -> None:
    assert find_slowness(pattern, 0, method) == slow
