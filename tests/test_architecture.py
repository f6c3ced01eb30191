"""The arrows of the architecture, enforced: which room may import which, and how large a file may grow.

Imports at every depth count, late ones and those under TYPE_CHECKING as well.
"""

import ast
import functools
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"toolkit": "cnnkit", "backends": "cnnkit.backends", "exporters": "cnnkit.exporters", "data": "cnnkit.data"}

# What each room may import of cnnkit, besides itself. A name stands for itself and everything below it.
# The table is in the order of the picture in docs/architecture.md: a room imports rooms above its own row alone.
BOTTOM = ("cnnkit.errors", "cnnkit.tree", "cnnkit.files", "cnnkit.specs", "cnnkit.plugins", "cnnkit.purity",
          "cnnkit.constants", "cnnkit.contracts", "cnnkit.memory", "cnnkit.philox", "cnnkit.precision",
          "cnnkit.resampling", "cnnkit.values")  # fmt: skip
PROTOCOL = "cnnkit.backends.protocol"
CORE = (*BOTTOM, PROTOCOL)
NET = (*CORE, "cnnkit.layers", "cnnkit.losses")
WORK = (*NET, "cnnkit.architecture", "cnnkit.budget", "cnnkit.class_weights", "cnnkit.data", "cnnkit.flat_tree",
        "cnnkit.network", "cnnkit.optimizers", "cnnkit.options", "cnnkit.schedules", "cnnkit.seeds")  # fmt: skip
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "cnnkit.errors": (),
    "cnnkit.tree": (),
    "cnnkit.purity": (),
    "cnnkit.files": ("cnnkit.errors",),
    "cnnkit.documents": ("cnnkit.files",),
    "cnnkit.memory": (),
    "cnnkit.values": (),
    "cnnkit.philox": (),
    "cnnkit.resampling": (),
    "cnnkit.precision": (),
    "cnnkit.constants": ("cnnkit.errors", "cnnkit.precision", "cnnkit.purity", "cnnkit.values"),
    "cnnkit.contracts": ("cnnkit.errors", "cnnkit.tree", "cnnkit.values"),
    "cnnkit.specs": ("cnnkit.errors", "cnnkit.files"),
    "cnnkit.class_weights": ("cnnkit.errors", "cnnkit.files", "cnnkit.values"),
    "cnnkit.plugins": ("cnnkit.errors", "cnnkit.files", "cnnkit.specs"),
    "cnnkit.pictures": ("cnnkit.errors",),
    "cnnkit.notebook_tables": ("cnnkit.files",),
    "cnnkit.backends": BOTTOM,
    "cnnkit.exporters": BOTTOM,
    "cnnkit.data": BOTTOM,
    "cnnkit.initializers": BOTTOM,
    "cnnkit.schedules": BOTTOM,
    "cnnkit.metrics": BOTTOM,
    "cnnkit.inspection": (*BOTTOM, "cnnkit.exporters", "cnnkit.pictures"),
    "cnnkit.seeds": CORE,
    "cnnkit.flat_tree": CORE,
    "cnnkit.layers": (*CORE, "cnnkit.initializers"),
    "cnnkit.losses": (*CORE, "cnnkit.layers"),
    "cnnkit.optimizers": (*CORE, "cnnkit.flat_tree"),
    "cnnkit.options": (*BOTTOM, "cnnkit.class_weights", "cnnkit.data.augmentation", "cnnkit.losses",
                       "cnnkit.optimizers", "cnnkit.schedules"),
    "cnnkit.architecture": (*CORE, "cnnkit.layers"),
    "cnnkit.budget": (*CORE, "cnnkit.layers", "cnnkit.architecture"),
    "cnnkit.receptive_field": (*CORE, "cnnkit.layers"),
    "cnnkit.summary": (*CORE, "cnnkit.layers", "cnnkit.notebook_tables", "cnnkit.receptive_field"),
    "cnnkit.finite_differences": (*NET, "cnnkit.backends.registry", "cnnkit.budget"),
    "cnnkit.recipes": (*CORE, "cnnkit.layers", "cnnkit.architecture", "cnnkit.initializers", "cnnkit.options"),
    "cnnkit.network": (*NET, "cnnkit.backends.registry", "cnnkit.budget", "cnnkit.data", "cnnkit.notebook_tables",
                       "cnnkit.seeds", "cnnkit.summary"),
    "cnnkit.weights": (*NET, "cnnkit.architecture", "cnnkit.data", "cnnkit.exporters", "cnnkit.network",
                       "cnnkit.recipes"),
    "cnnkit.adopting": (*NET, "cnnkit.architecture", "cnnkit.exporters", "cnnkit.inspection", "cnnkit.recipes",
                        "cnnkit.weights"),
    "cnnkit.activations": (*NET, "cnnkit.exporters", "cnnkit.network"),
    "cnnkit.explanation": (*NET, "cnnkit.architecture", "cnnkit.backends.registry", "cnnkit.data", "cnnkit.exporters",
                           "cnnkit.network", "cnnkit.receptive_field"),
    "cnnkit.training": (*WORK, "cnnkit.backends.groups", "cnnkit.backends.leaf_tree", "cnnkit.exporters",
                        "cnnkit.inspection", "cnnkit.metrics", "cnnkit.notebook_tables", "cnnkit.weights"),
    "cnnkit.parity": (*WORK, "cnnkit.backends.groups", "cnnkit.backends.registry", "cnnkit.documents",
                      "cnnkit.recipes", "cnnkit.training"),
    "cnnkit.exercises": (*BOTTOM, "cnnkit.backends.registry", "cnnkit.exporters", "cnnkit.parity"),
    "cnnkit.verification": (*WORK, "cnnkit.adopting", "cnnkit.backends.registry", "cnnkit.exporters", "cnnkit.training",
                            "cnnkit.weights"),
    "cnnkit.testing": (PROTOCOL, "cnnkit.backends.registry", "cnnkit.parity"),
    "cnnkit.model": (*NET, "cnnkit.adopting", "cnnkit.architecture", "cnnkit.backends.groups", "cnnkit.data",
                     "cnnkit.exporters", "cnnkit.inspection", "cnnkit.network", "cnnkit.options", "cnnkit.summary",
                     "cnnkit.training", "cnnkit.weights"),
}  # fmt: skip
MAY_IMPORT["cnnkit.cli"] = (*MAY_IMPORT, "cnnkit.backends", "cnnkit.data")
MAY_IMPORT["cnnkit.__main__"] = ("cnnkit.cli",)
# Who alone may import the libraries that are heavy or not everywhere.
LIBRARIES = {"torch": "cnnkit.backends.pytorch", "cupy": "cnnkit.backends.cuda", "mpi4py": "cnnkit.backends.groups"}
CONCRETE = ("numpy_cpu", "pytorch", "reference", "shared", "cuda", "exact")


class Module(NamedTuple):
    name: str
    path: Path
    tree: ast.Module


def parse(name: str, text: str) -> Module:
    return Module(name, Path(name), ast.parse(text))


def modules() -> list[Module]:
    read = []
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            read.append(Module(name, path, ast.parse(path.read_text("utf-8"))))
    return read


MODULES = modules()
NAMES = {module.name for module in MODULES}


@functools.cache
def imports(module: Module) -> tuple[str, ...]:
    """Return the name of every imported module, wherever the import stands."""
    return tuple(find_imports(module))


def find_imports(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full in NAMES else source


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def room(name: str) -> str:
    """cnnkit.layers.windows.conv2d -> cnnkit.layers; a file of the toolkit is a room of its own."""
    return ".".join(name.split(".")[:2])


def forbidden(module: Module) -> list[str]:
    """Return the imports that break the table above; the root's own file may import everything."""
    if module.name == "cnnkit":
        return []
    allowed = MAY_IMPORT.get(room(module.name), ())
    return [
        target
        for target in imports(module)
        if within(target, "cnnkit")
        and not within(target, room(module.name))
        and not any(within(target, fine) for fine in allowed)
    ]


def test_the_table_has_a_row_for_every_room() -> None:
    assert len(MODULES) > 100
    assert set(MAY_IMPORT) == {room(module.name) for module in MODULES} - {"cnnkit"}
    assert {"cnnkit", "cnnkit.model", "cnnkit.backends.numpy_cpu.kernels.pooling", "cnnkit.data.digits"} <= NAMES


@pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])
def test_imports_follow_the_arrows(module) -> None:
    assert forbidden(module) == []


def importers(package: str) -> set[str]:
    """Return the rooms, apart from its own, that import a package or something inside it."""
    rooms = {room(module.name) for module in MODULES for target in imports(module) if within(target, package)}
    return rooms - {room(package)}


def test_nothing_imports_the_command_line_and_nothing_below_imports_the_model() -> None:
    assert importers("cnnkit.cli") == {"cnnkit.__main__"}
    assert importers("cnnkit.model") == {"cnnkit", "cnnkit.cli"}


def test_rows_of_the_table_name_earlier_rows() -> None:
    order = list(MAY_IMPORT)
    for name, allowed in MAY_IMPORT.items():
        assert all(order.index(room(target)) < order.index(name) for target in allowed), name


def test_nobody_but_the_registry_names_a_concrete_backend() -> None:
    outside = [module for module in MODULES if not within(module.name, "cnnkit.backends")]
    concrete = [f"cnnkit.backends.{name}" for name in CONCRETE]
    assert [(m.name, t) for m in outside for t in imports(m) if any(within(t, c) for c in concrete)] == []


def test_libraries_of_devices_stay_in_their_backend() -> None:
    for library, home in LIBRARIES.items():
        users = {module.name for module in MODULES for target in imports(module) if within(target, library)}
        assert users
        assert {name for name in users if not within(name, home)} == set()


def test_hdf5_is_read_in_the_worker_only() -> None:
    """libhdf5 trusts its input: elsewhere it may write; a reader asks the worker, which runs `hdf5/worker.py`."""
    worker = {f"cnnkit.files.hdf5.{name}" for name in ("listing", "places", "references", "rules", "source", "values")}
    worker |= {f"cnnkit.files.hdf5.{name}" for name in ("budget", "walk", "worker")}
    writers = {"cnnkit.exporters.hdf5.layout", "cnnkit.exporters.hdf5.writer", "cnnkit.exporters.keras.writer"}
    libraries = ("h5py", "cnnkit.files.hdf5.library")
    users = {m.name for m in MODULES for target in imports(m) if any(within(target, name) for name in libraries)}
    assert users == {*worker - {"cnnkit.files.hdf5.budget"}, *writers, "cnnkit.files.hdf5.library"}
    inside = {m.name for m in MODULES for target in imports(m) if target in worker}
    assert inside <= worker


def test_no_relative_imports_and_no_folder_names() -> None:
    for module in MODULES:
        for node in ast.walk(module.tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), module.name
        assert not {target.split(".")[0] for target in imports(module)} & set(FOLDERS), module.name


def graph(modules: list[Module], name_of: Callable[[str], str] = str) -> dict[str, set[str]]:
    """Return {name: names that it imports}, for modules or, by `room`, for rooms; the root's own file is left out."""
    arrows: dict[str, set[str]] = {name_of(module.name): set() for module in modules if module.name != "cnnkit"}
    for module in modules:
        if module.name != "cnnkit":
            targets = {name_of(target) for target in imports(module) if within(target, "cnnkit")}
            arrows[name_of(module.name)] |= targets - {name_of(module.name)}
    return arrows


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return the names that can be reached from themselves."""
    reached = {name: set(targets) for name, targets in arrows.items()}
    for middle in arrows:
        for targets in reached.values():
            if middle in targets:
                targets.update(reached[middle])
    return sorted(name for name, targets in reached.items() if name in targets)


def test_no_circle_of_modules() -> None:
    arrows = graph(MODULES)
    assert arrows["cnnkit.model"] >= {"cnnkit.network", "cnnkit.training", "cnnkit.weights"}
    assert circle(arrows) == []


def test_no_circle_of_rooms() -> None:
    arrows = graph(MODULES, room)
    assert "cnnkit.layers" in arrows["cnnkit.losses"]
    assert circle(arrows) == []


def name_tests(module: Module) -> list[str]:
    """Return comparisons of a backend, or of its name, with text."""
    tests = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = any(isinstance(n, ast.Constant) and isinstance(n.value, str) for s in sides for n in ast.walk(s))
            about = any(ast.unparse(s).lower().endswith(("backend", "backend.name", "backend_name")) for s in sides)
            if texts and about:
                tests.append(ast.unparse(node))
        elif isinstance(node, ast.Match) and "backend" in ast.unparse(node.subject):
            tests.append(ast.unparse(node.subject))
    return tests


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
        ("cnnkit.training.new", "def f():\n    from cnnkit import Model"),
        ("cnnkit.new_room", "import cnnkit.tree"),
    ],
)
def test_a_forbidden_import_is_seen(name, text) -> None:
    assert len(forbidden(parse(name, text))) == 1
    assert forbidden(parse(name, "import json")) == []


def test_a_test_on_a_name_is_seen() -> None:
    for text in ("backend.name == 'torch'", "self.backend == 'numpy'", "m.backend.name in ('torch', 'cupy')"):
        assert len(name_tests(parse("x", f"if {text}: pass"))) == 1
    assert len(name_tests(parse("x", "match backend.name:\n    case 'torch': pass"))) == 1
    assert name_tests(parse("x", "if backend == other: pass\nif mode == 'a': pass")) == []


def test_circles_are_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b"}, "b": set()}) == []
    one = parse("cnnkit.data.x", "def f():\n    import cnnkit.layers.y")
    other = parse("cnnkit.layers.y", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cnnkit.data.x")
    assert circle(graph([one, other])) == ["cnnkit.data.x", "cnnkit.layers.y"]
    assert circle(graph([one, other], room)) == ["cnnkit.data", "cnnkit.layers"]
