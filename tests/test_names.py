"""Names and docstrings over the whole project: one meaning per class name, a docstring for every public method."""

import ast
import functools
import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {"toolkit": "cnnkit", "backends": "cnnkit.backends", "exporters": "cnnkit.exporters", "data": "cnnkit.data"}
# Names with two meanings that are allowed, because they are what users type.
SHARED = {"Split"}  # a layer, as other toolkits call it, and a part of a data set


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield (import name, syntax tree) of every file."""
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def homes(classes: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return {class name: modules} for the names that more than one module defines."""
    modules_of = defaultdict(list)
    for module, name in classes:
        modules_of[name].append(module)
    return {name: where for name, where in modules_of.items() if len(where) > 1}


@functools.cache
def classes() -> list[tuple[str, str]]:
    return [
        (module, node.name) for module, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]


def undocumented(kind: type) -> list[str]:
    """Return the public methods and properties of a class that have no docstring, own or inherited."""
    members = {name: inspect.getattr_static(kind, name) for name in vars(kind) if not name.startswith("_")}
    callables = (staticmethod, classmethod, property, cached_property)
    return [
        f"{kind.__module__}.{kind.__name__}.{name}"
        for name, member in members.items()
        if (inspect.isfunction(member) or isinstance(member, callables)) and not inspect.getdoc(getattr(kind, name))
    ]


def test_class_names_are_unique() -> None:
    assert {name: where for name, where in homes(classes()).items() if name not in SHARED} == {}


def test_public_methods_have_a_docstring_of_their_own_or_an_inherited_one() -> None:
    missing = []
    for module, name in classes():
        if not name.startswith("_"):
            kind = getattr(importlib.import_module(module), name, None)  # None: a class inside a function
            missing += undocumented(kind) if isinstance(kind, type) else []
    assert missing == []


# ---- these checks can fail


class Documented:
    def act(self) -> None:
        """Act."""


class Inheriting(Documented):
    def act(self) -> None: ...


class Bare:
    def act(self) -> None: ...

    @property
    def value(self) -> int:
        return 1


def test_what_is_missing_is_seen() -> None:
    assert undocumented(Documented) == undocumented(Inheriting) == []
    assert undocumented(Bare) == [f"{__name__}.Bare.act", f"{__name__}.Bare.value"]
    assert homes([("a", "Row"), ("b", "Row"), ("b", "Table")]) == {"Row": ["a", "b"]}
