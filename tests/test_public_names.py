"""What `from cnnkit import NAME` gives: the thing itself, whatever was imported before."""

import functools
import json
import subprocess
import sys

DESCRIBE = """
import importlib, json, pkgutil, sys
import cnnkit

def submodules(package):
    return [name for _, name, _ in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]

def find_packages(package):
    yield package
    for _, name, is_package in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if is_package:
            yield from find_packages(importlib.import_module(name))

packages = [cnnkit]
if sys.argv[1] != "the root alone":
    packages = [package for package in find_packages(cnnkit) if hasattr(package, "__all__")]
    for package in packages:
        for name in submodules(package):
            if not name.endswith((".testing", ".__main__")):  # one needs pytest, the other runs the program
                importlib.import_module(name)
names = {}
for package in packages:
    for name in package.__all__:
        exec(f"from {package.__name__} import {name} as value", scope := {})
        value = scope["value"]
        names[f"{package.__name__}.{name}"] = f"{type(value).__name__} {getattr(value, '__qualname__', '')}".strip()
print(json.dumps(names))
"""


@functools.cache
def describe(order: str) -> dict[str, str]:
    """Return {public name: its type and own name} in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", DESCRIBE, order], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names: dict[str, str] = json.loads(done.stdout)
    return names


def test_names_are_the_same_whether_submodules_were_imported_before() -> None:
    alone, after = describe("the root alone"), describe("after all submodules")
    assert alone.items() <= after.items()
    assert alone["cnnkit.gradient_check"] == "function gradient_check"
    assert len(after) > 100


def test_every_name_is_what_it_says() -> None:
    # functions that get the name of their room
    renamed = {"load_data": "load", "read_weights": "read", "write_weights": "write"}
    for full, what in describe("after all submodules").items():
        name, (kind, _, own) = full.rpartition(".")[2], what.partition(" ")
        assert kind != "module", full
        if kind in ("function", "type", "ABCMeta"):  # not a table, a number, an alias of a type, a registry's method
            assert own == renamed.get(name, name), f"{full} is {kind} {own}"
