"""The wheel holds what the folders hold: a subpackage that is not listed would be missing from the wheel."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
SUFFIXES = {".py", ".typed", ".cu", ".cuh", ".h", ".gz", ".md", ".toml"}
LARGEST_FILE, LARGEST_DISTRIBUTION = 300_000, 1_800_000  # bytes
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


def copy_project(folder: Path) -> Path:
    """Copy what is built from, and some of what must stay out, so that no stale build folder adds to it."""
    copy = folder / "project"
    outside = [*(ROOT / "tests").glob("test_*.py"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.py")]
    for path in [*list_sources(ROOT), *(ROOT / name for name in BUILT_FROM), *outside]:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return copy


def build(folder: Path, kind: str) -> Path:
    """Build a wheel ("wheel") or a source distribution ("sdist") and return its file."""
    made = folder / kind
    made.mkdir()
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(made)!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=copy_project(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = made.iterdir()
    return file


@pytest.mark.slow
def test_the_wheel_holds_every_file_and_nothing_else(tmp_path) -> None:
    wheel = build(tmp_path, "wheel")
    with zipfile.ZipFile(wheel) as archive:
        sizes = {item.filename: item.file_size for item in archive.infolist()}
    wanted = {map_to_wheel(path) for path in list_sources(ROOT)}
    about = f"cnnkit-{PROJECT['project']['version']}.dist-info"
    notes = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
    notes |= {"licenses/data/digits/LICENSE.md"}
    assert {"cnnkit/py.typed", "cnnkit/recipes/lenet5.toml", "cnnkit/data/digits/digits.csv.gz"} <= wanted
    assert sorted(sizes) == sorted(wanted | {f"{about}/{note}" for note in notes})
    assert {Path(name).suffix for name in wanted} <= SUFFIXES  # nothing that a compiler has made
    assert max(sizes.values()) < LARGEST_FILE
    assert wheel.stat().st_size < LARGEST_DISTRIBUTION


@pytest.mark.slow
def test_the_source_distribution_holds_what_the_wheel_is_built_from(tmp_path) -> None:
    file = build(tmp_path, "sdist")
    with tarfile.open(file) as archive:
        items = [item for item in archive.getmembers() if not item.isdir()]
    assert all(item.isfile() for item in items)  # no links
    inside = {item.name.partition("/")[2] for item in items}
    wanted = {path.relative_to(ROOT).as_posix() for path in list_sources(ROOT)} | {*BUILT_FROM}
    notes = {name for name in inside if name.startswith("cnnkit.egg-info/")}
    assert sorted(inside - notes) == sorted(wanted | {"PKG-INFO", "setup.cfg"})
    assert file.stat().st_size < LARGEST_DISTRIBUTION
