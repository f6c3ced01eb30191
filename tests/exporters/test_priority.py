"""Plug-ins that are installed as packages: in which order formats are asked, and that none harms another."""

import importlib
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cnnkit import Model, exporters, recipes
from cnnkit.exporters.foreign_hdf5.format import PlainHdf5Format
from cnnkit.exporters.npz.format import NpzFormat

README = Path(__file__).parents[2] / "exporters" / "README.md"
GREEDY = """
from cnnkit.exporters import Format, WeightFile

class Greedy(Format):
    name, reads = "a-greedy-one", True

    def recognises(self, path, head):
        return True

    def read(self, path):
        return WeightFile(())

class Unsure(Greedy):
    name, priority = "unsure", "first"
"""
MARKED = """
import h5py
from cnnkit.exporters import Format, Tensor, WeightFile

class Marked(Format):
    name, reads = "zz-marked-hdf5", True

    def recognises(self, path, head):
        return h5py.File(path).attrs["maker"] == "zz"

    def read(self, path):
        return WeightFile((Tensor.of("x", h5py.File(path)["x"][()]),))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a package: a module with this code, and {format: class} as entry points."""
    before = set(sys.modules)

    def run(module, code, **entries):
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (tmp_path / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = [f"{name.replace('_', '-')} = {module}:{cls}" for name, cls in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[cnnkit.exporters]", *lines, ""]))
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield run
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


def example() -> str:
    """Return the plug-in that the README of the room shows."""
    blocks = README.read_text("utf-8").split("```python\n")[1:]
    return next(block.split("```")[0] for block in blocks if "class NpyZip" in block)


def test_the_example_of_the_readme_reads_its_own_files(install, weights, tmp_path):
    """They are zips of arrays, so npz would read them too; it is asked later."""
    install("plugin_npy_zip", example(), npy_zip="NpyZip")
    exporters.write(weights, tmp_path / "net.npy.zip", level=1)
    with (tmp_path / "net.npy.zip").open("rb") as stream:
        assert NpzFormat().recognises(tmp_path / "net.npy.zip", stream.read(8192))
    back = exporters.read(tmp_path / "net.npy.zip")
    assert back.format == "npy-zip"
    assert [(t.kind, t.name, t.sha256()) for t in back] == [(t.kind, t.name, t.sha256()) for t in weights]
    assert exporters.broken() == ()


def test_hdf5_with_a_mark_is_read_by_the_plug_in_that_knows_it(install, tmp_path):
    install("plugin_marked", MARKED, zz_marked_hdf5="Marked")
    for name, maker in (("theirs.h5", "zz"), ("other.h5", "nobody")):
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["maker"] = maker
            file["x"] = np.arange(3.0)
        head = (tmp_path / name).read_bytes()[:8192]
        assert PlainHdf5Format().recognises(tmp_path / name, head)
    assert exporters.read(tmp_path / "theirs.h5").format == "zz-marked-hdf5"
    assert exporters.read(tmp_path / "other.h5").format == "plain-hdf5"


def test_a_plug_in_that_claims_everything_takes_no_file_from_a_specific_format(install, tmp_path):
    """One that cannot be loaded, and one of a priority that does not exist, are listed and harm nobody."""
    install("plugin_greedy", GREEDY, a_greedy_one="Greedy", unsure="Unsure", missing="Missing")
    weights = Model(*recipes.get("bright-dark").network(), seed=0).to_weights()
    catch_alls = set()
    for name, form in exporters.formats().items():
        if form.writes and form.reads and not form.by_name:
            exporters.write(weights, tmp_path / "net", name, overwrite=True)
            read_as = exporters.read(tmp_path / "net").format
            assert read_as == ("a-greedy-one" if form.priority == exporters.Priority.CATCH_ALL else name)
            catch_alls |= {name} - {read_as}
    assert catch_alls == {"npz"}
    assert {problem.name for problem in exporters.broken()} == {"unsure", "missing"}


def test_which_of_ours_are_asked_last():
    catch_alls = {name for name, form in exporters.formats().items() if form.priority != exporters.Priority.SPECIFIC}
    assert catch_alls == {"npy", "npz", "pickle", "plain-hdf5"}
