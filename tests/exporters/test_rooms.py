"""The grammar of the room: a folder per format, with the same files in each, and no folder that knows a sibling."""

import ast
from pathlib import Path

import pytest

from cnnkit import exporters, plugins
from cnnkit.exporters import formats, registry

ROOM = Path(__file__).parents[2] / "exporters"
FOLDERS = sorted({path.parent.name for path in ROOM.glob("*/format.py")} - {"core"})
SHARED = ("cnnkit.errors", "cnnkit.files", "cnnkit.resampling", "cnnkit.exporters.core", "cnnkit.exporters.shards")


def imports(path: Path) -> set[str]:
    """Return the modules of cnnkit that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("cnnkit")}


def foreign(folder: str, names: set[str]) -> set[str]:
    """Return the imports that a format's folder may not have."""
    allowed = (*SHARED, f"cnnkit.exporters.{folder}")
    return {name for name in names if not any(name == room or name.startswith(f"{room}.") for room in allowed)}


def test_every_format_has_a_folder():
    entries = plugins.points(registry.GROUP)
    ours = {entry.value.split(".")[2] for entry in entries if entry.value.startswith("cnnkit.exporters.")}
    assert ours == set(FOLDERS)
    assert all(type(form).__module__ == f"cnnkit.exporters.{form_folder(form)}.format" for form in formats().values())


def form_folder(form: exporters.Format) -> str:
    return type(form).__module__.split(".")[2]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_core_and_itself_only(folder):
    for path in (ROOM / folder).rglob("*.py"):
        assert foreign(folder, imports(path)) == set(), path


def test_core_knows_no_format():
    for path in (ROOM / "core").rglob("*.py"):
        names = {name for name in imports(path) if name.startswith("cnnkit.exporters.")}
        assert {name for name in names if name.split(".")[2] in FOLDERS} == set(), path


def test_every_folder_has_a_reader_and_a_writer_where_its_format_reads_and_writes():
    for form in formats().values():
        files = {path.name for path in (ROOM / form_folder(form)).iterdir()}
        wanted = {"format.py"} | ({"reader.py"} if form.reads else set()) | ({"writer.py"} if form.writes else set())
        assert wanted <= files, form.name
        tree = ast.parse((ROOM / form_folder(form) / "format.py").read_text("utf-8"))
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        assert classes == [type(form).__name__], form.name


def test_a_sibling_is_seen(tmp_path):
    path = tmp_path / "reader.py"
    path.write_text("def f():\n    from cnnkit.exporters.npy import reader\nimport cnnkit.files.names\nimport numpy\n")
    assert foreign("npz", imports(path)) == {"cnnkit.exporters.npy.reader"}
    assert foreign("npy", imports(path)) == set()
