"""The arrows of the architecture, enforced: who may import whom, and how large a file may grow."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"toolkit": "cnnkit", "backends": "cnnkit.backends", "exporters": "cnnkit.exporters", "data": "cnnkit.data"}

# What each room may import of cnnkit, besides itself. A name stands for itself and all below it.
BOTTOM = ("cnnkit.errors", "cnnkit.tree", "cnnkit.files", "cnnkit.specs", "cnnkit.plugins", "cnnkit.purity")
PROTOCOL = "cnnkit.backends.protocol"
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "cnnkit.errors": (),
    "cnnkit.tree": (),
    "cnnkit.files": ("cnnkit.errors",),
    "cnnkit.specs": ("cnnkit.errors",),
    "cnnkit.plugins": ("cnnkit.errors", "cnnkit.specs"),
    "cnnkit.purity": (),
    "cnnkit.backends": BOTTOM,
    "cnnkit.exporters": BOTTOM,
    "cnnkit.data": BOTTOM,
    "cnnkit.initializers": BOTTOM,
    "cnnkit.schedules": BOTTOM,
    "cnnkit.metrics": BOTTOM,
    "cnnkit.seeds": (*BOTTOM, PROTOCOL),
    "cnnkit.layers": (*BOTTOM, PROTOCOL, "cnnkit.initializers"),
    "cnnkit.losses": (*BOTTOM, PROTOCOL, "cnnkit.layers"),
    "cnnkit.flat_tree": (*BOTTOM, PROTOCOL),
    "cnnkit.optimizers": (*BOTTOM, PROTOCOL, "cnnkit.flat_tree"),
}
# Who alone may import the libraries that are heavy or not everywhere.
LIBRARIES = {"torch": "cnnkit.backends.pytorch", "cupy": "cnnkit.backends.cuda"}
CONCRETE = ("numpy_cpu", "pytorch", "reference", "shared", "cuda")


class Module(NamedTuple):
    name: str
    path: Path
    tree: ast.Module


class Import(NamedTuple):
    """One imported name; `lasting` unless it stands under `if TYPE_CHECKING`."""

    target: str
    lasting: bool


def parse(name: str, text: str) -> Module:
    return Module(name, Path(name), ast.parse(text))


def modules() -> list[Module]:
    found = []
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            found.append(Module(name, path, ast.parse(path.read_text("utf-8"))))
    return found


MODULES = modules()
NAMES = {module.name for module in MODULES}


def imports(module: Module) -> Iterator[Import]:
    typing_only = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(module.tree):
        lasting = id(node) not in typing_only
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, lasting) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield Import(full if full in NAMES else source, lasting)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def room(name: str) -> str:
    """cnnkit.layers.conv2d -> cnnkit.layers; a file of the toolkit is a room of its own."""
    return ".".join(name.split(".")[:2])


def forbidden(module: Module) -> list[str]:
    """Return the imports that break the table above; those for type checkers count as well."""
    allowed = MAY_IMPORT.get(room(module.name))
    if allowed is None:
        return []
    return [
        target
        for target, _ in imports(module)
        if within(target, "cnnkit")
        and not within(target, room(module.name))
        and not any(within(target, fine) for fine in allowed)
    ]


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 100
    assert set(MAY_IMPORT) <= {room(module.name) for module in MODULES}
    assert {"cnnkit", "cnnkit.model", "cnnkit.backends.numpy_cpu.kernels.pooling", "cnnkit.data.digits"} <= NAMES


@pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])
def test_imports_follow_the_arrows(module) -> None:
    assert forbidden(module) == []


def test_nothing_imports_the_command_line() -> None:
    outside = [module for module in MODULES if not within(module.name, "cnnkit.cli")]
    assert [(m.name, t) for m in outside for t, _ in imports(m) if within(t, "cnnkit.cli")] == []


def test_nobody_but_the_registry_names_a_concrete_backend() -> None:
    outside = [module for module in MODULES if not within(module.name, "cnnkit.backends")]
    concrete = [f"cnnkit.backends.{name}" for name in CONCRETE]
    found = [(m.name, t) for m in outside for t, _ in imports(m) if any(within(t, c) for c in concrete)]
    assert found == []


def test_libraries_of_devices_stay_in_their_backend() -> None:
    for library, home in LIBRARIES.items():
        found = {module.name for module in MODULES for target, _ in imports(module) if within(target, library)}
        assert found
        assert {name for name in found if not within(name, home)} == set()


def test_no_relative_imports_and_no_folder_names() -> None:
    for module in MODULES:
        for node in ast.walk(module.tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), module.name
        assert not {t.split(".")[0] for t, _ in imports(module)} & set(FOLDERS), module.name


def room_arrows(found: list[Module]) -> set[tuple[str, str]]:
    """Return (from, to) between rooms, at run time; the root's own file only passes names on."""
    return {
        (room(module.name), room(target))
        for module in found
        for target, lasting in imports(module)
        if lasting and within(target, "cnnkit") and room(target) != room(module.name) and module.name != "cnnkit"
    }


def folders(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    packages = {room(module.name) for module in MODULES if module.path.name == "__init__.py"}
    return {(a, b) for a, b in arrows if a in packages and b in packages}


def test_no_two_rooms_import_each_other() -> None:
    arrows = folders(room_arrows(MODULES))
    assert ("cnnkit.losses", "cnnkit.layers") in arrows
    assert [(a, b) for a, b in sorted(arrows) if (b, a) in arrows] == []


def top_level(module: Module) -> Iterator[str]:
    """Yield what importing the module imports: statements outside of functions."""
    for node in module.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (target for target, _ in imports(Module("", Path(), ast.Module([node], []))))


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the names that can be reached from themselves."""
    closed = {name: set(targets) for name, targets in graph.items()}
    for middle in graph:
        for targets in closed.values():
            if middle in targets:
                targets.update(closed[middle])
    return sorted(name for name, targets in closed.items() if name in targets)


def test_no_circle_of_imports() -> None:
    graph = {module.name: {t for t in top_level(module) if t in NAMES} - {module.name} for module in MODULES}
    assert graph["cnnkit.model"] >= {"cnnkit.weights", "cnnkit.losses"}
    assert cycle(graph) == []


def name_tests(module: Module) -> list[str]:
    """Return comparisons of a backend, or of its name, with text."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = any(isinstance(n, ast.Constant) and isinstance(n.value, str) for s in sides for n in ast.walk(s))
            about = any(ast.unparse(s).lower().endswith(("backend", "backend.name", "backend_name")) for s in sides)
            if texts and about:
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Match) and "backend" in ast.unparse(node.subject):
            found.append(ast.unparse(node.subject))
    return found


def test_nothing_depends_on_a_backends_name() -> None:
    outside = [module for module in MODULES if not within(module.name, "cnnkit.backends")]
    assert {m.name: name_tests(m) for m in outside if name_tests(m)} == {}


def test_files_stay_small() -> None:
    lines = {module.name: len(module.path.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > 300} == {}
    assert statistics.median(lines.values()) < 100


# ---- these checks can fail


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cnnkit.errors", "import cnnkit.tree"),
        ("cnnkit.backends.new", "from cnnkit.layers import Dense"),
        ("cnnkit.exporters.new", "from cnnkit import layers"),
        ("cnnkit.data.new", "def f():\n    from cnnkit.exporters import read"),
        ("cnnkit.layers.new", "from cnnkit.backends.registry import get_backend"),
        ("cnnkit.layers.new", "from cnnkit.backends.numpy_cpu import numpy_backend"),
        (
            "cnnkit.losses.new",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cnnkit.model import Model",
        ),
        ("cnnkit.optimizers.new", "from cnnkit.data.dataset import Dataset"),
    ],
)
def test_a_forbidden_import_is_seen(name, text) -> None:
    assert len(forbidden(parse(name, text))) == 1
    assert forbidden(parse(name, "from cnnkit.errors import ConfigError")) == [] or name == "cnnkit.errors"


def test_a_test_on_a_name_is_seen() -> None:
    for text in ("backend.name == 'torch'", "self.backend == 'numpy'", "m.backend.name in ('torch', 'cupy')"):
        assert len(name_tests(parse("x", f"if {text}: pass"))) == 1
    assert len(name_tests(parse("x", "match backend.name:\n    case 'torch': pass"))) == 1
    assert name_tests(parse("x", "if backend == other: pass\nif mode == 'a': pass")) == []


def test_circles_are_seen() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert cycle({"a": {"b"}, "b": set()}) == []
    one, other = parse("cnnkit.data.x", "import cnnkit.layers.conv2d"), parse("cnnkit.layers.y", "import cnnkit.data")
    assert room_arrows([one, other]) == {("cnnkit.data", "cnnkit.layers"), ("cnnkit.layers", "cnnkit.data")}


def test_imports_for_type_checkers_are_told_apart() -> None:
    found = list(
        imports(
            parse("x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import os")
        )
    )
    assert found == [("typing", True), ("torch", False), ("os", True)]
