"""The wheel holds what the folders hold: a subpackage that is not listed would be missing from the wheel."""

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
FOLDERS = {folder: package for package, folder in SETUPTOOLS["package-dir"].items()}


def list_packages(root: Path) -> set[str]:
    """Return the packages in the folders: every folder with a Python file."""
    return {".".join((FOLDERS[path.relative_to(root).parts[0]], *path.relative_to(root).parts[1:-1])) for path in
            list_sources(root) if path.suffix == ".py"}  # fmt: skip


def list_sources(root: Path) -> list[Path]:
    """Return every file that belongs in the wheel."""
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    return [path for path in paths if "__pycache__" not in path.parts and path.name != "README.md"]


def map_to_wheel(path: Path) -> str:
    folder, *rest = path.relative_to(ROOT).parts
    return "/".join((*FOLDERS[folder].split("."), *rest))


def test_every_folder_is_listed() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(list_packages(ROOT))
    assert set(FOLDERS) == {"toolkit", "backends", "exporters", "data"}


def test_a_folder_that_is_not_listed_is_detected(tmp_path) -> None:
    (tmp_path / "toolkit" / "new").mkdir(parents=True)
    (tmp_path / "toolkit" / "new" / "file.py").touch()
    assert list_packages(tmp_path) == {"cnnkit.new"}


def test_every_folder_is_a_package() -> None:
    incomplete = {
        path.parent
        for path in list_sources(ROOT)
        if path.suffix == ".py" and not (path.parent / "__init__.py").exists()
    }
    assert incomplete == set()


def test_data_of_packages_are_installed() -> None:
    assert files("cnnkit").joinpath("py.typed").is_file()
    assert files("cnnkit.data.digits").joinpath("digits.csv.gz").is_file()
    assert files("cnnkit.data.digits").joinpath("LICENSE.md").is_file()
    installed = {entry.name for entry in files("cnnkit.recipes").iterdir() if entry.name.endswith(".toml")}
    assert installed == {path.name for path in (ROOT / "toolkit" / "recipes").glob("*.toml")}
    assert len(installed) >= 8


@pytest.mark.parametrize("group", ["cnnkit.backends", "cnnkit.exporters"])
def test_entry_points_resolve(group) -> None:
    declared = PROJECT["project"]["entry-points"][group]
    installed = {entry.name: entry for entry in entry_points(group=group)}
    assert set(declared) <= set(installed)
    for name, target in declared.items():
        assert installed[name].value == target
        assert installed[name].load().name == name  # importing a backend needs none of its libraries


def test_the_program_resolves() -> None:
    (script,) = entry_points(group="console_scripts", name="cnnkit")
    assert script.value == PROJECT["project"]["scripts"]["cnnkit"]
    assert callable(script.load())


def build_wheel(folder: Path) -> set[str]:
    """Build a wheel from a copy of the project, so that no stale build folder adds to it; return its files."""
    copy = folder / "project"
    copy.mkdir()
    for path in [*list_sources(ROOT), ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE"]:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(copy),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_the_wheel_holds_every_file_and_nothing_else(tmp_path) -> None:
    inside = build_wheel(tmp_path)
    wanted = {map_to_wheel(path) for path in list_sources(ROOT)}
    assert {"cnnkit/py.typed", "cnnkit/recipes/lenet5.toml", "cnnkit/data/digits/digits.csv.gz"} <= wanted
    assert sorted(wanted - inside) == []
    assert sorted(name for name in inside - wanted if ".dist-info/" not in name) == []
    assert any(name.endswith("licenses/LICENSE") for name in inside)
