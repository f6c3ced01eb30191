"""Files of many tensors: the work grows with their number, not with its square."""

import cProfile
import pstats
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hostile.corpus import load_cases
from hostile.small_tensors import WRITERS, write_safetensors

from cnnkit import exporters
from cnnkit.cli import diff, inspection_view, layer_lines, tables
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.exporters.core import strict_json
from cnnkit.files.holes import require_stored
from cnnkit.files.unsafe_file import UnsafeFileError

BASE, FEW, MANY = 10, 40, 160


def write(path, layers, letter="a"):
    tensors = []
    for n in range(layers):
        for role, array in (("weight", np.full((2, 2), n, np.float32)), ("bias", np.full(2, n, np.float32))):
            axes = ("out", "in")[: array.ndim]
            tensors.append(Tensor.of(f"net.{letter}{n}.x.{role}", array, role=role, axes=axes))
    exporters.write(WeightFile(tuple(tensors)), path)


def count_calls(cnnkit, *line):
    with cProfile.Profile() as profile:
        cnnkit(*line)
    return pstats.Stats(profile).total_calls


def assert_linear(cnnkit, *line):
    """Fail where five times the tensors take more than some five times the calls; {0} stands for the number.

    What a run takes in any case is left out, and what is loaded once.
    """
    cnnkit(*(word.format(BASE) for word in line))
    base, few, many = (count_calls(cnnkit, *(word.format(layers) for word in line)) for layers in (BASE, FEW, MANY))
    assert many - base < 1.1 * (MANY - BASE) / (FEW - BASE) * (few - base)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two files of each size, whose layers have different names."""
    place = tmp_path_factory.mktemp("made")
    for layers in (BASE, FEW, MANY):
        write(place / f"{layers}.safetensors", layers)
        write(place / f"{layers}.npz", layers, "b")
    return place


@pytest.fixture
def files(made, folder):
    """These files in the folder."""
    for path in made.iterdir():
        shutil.copy(path, folder)


@pytest.mark.usefixtures("files")
def test_inspect_is_linear(cnnkit):
    assert_linear(cnnkit, "inspect", "{0}.npz", "--no-stats")
    assert_linear(cnnkit, "inspect", "{0}.npz", "--no-stats", "--json")
    assert_linear(cnnkit, "inspect", "{0}.safetensors")


@pytest.mark.usefixtures("files")
def test_diff_and_export_are_linear(cnnkit):
    assert_linear(cnnkit, "diff", "{0}.safetensors", "{0}.npz")
    assert_linear(cnnkit, "export", "{0}.safetensors", "-o", "out.npz", "--overwrite")


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_linear(cnnkit, folder, name):
    for count in (BASE, FEW, MANY):
        WRITERS[name](folder / f"{count}{name}", count)
    more = ("--external",) if "tfjs" in name else ()
    assert_linear(cnnkit, "inspect", "{0}" + name, "--json", *more)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("suffix", ["safetensors", "pt", "json", "txt"])
def test_every_export_is_linear(cnnkit, suffix):
    assert_linear(cnnkit, "export", "{0}.safetensors", "-o", f"out.{suffix}", "--overwrite")


@pytest.mark.usefixtures("files")
def test_pages_and_filling_are_linear(cnnkit):
    assert_linear(cnnkit, "inspect", "{0}.safetensors", "--html", "out.html")
    assert_linear(cnnkit, "diff", "{0}.safetensors", "{0}.npz", "--json")


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(tables, "MOST", 60)
    for module in (layer_lines, inspection_view, diff):
        monkeypatch.setattr(module, "MOST", 60)


@pytest.mark.usefixtures("files", "terminal")
def test_a_terminal_gets_the_first_of_very_many_and_the_sum_of_the_rest(cnnkit):
    result = cnnkit("inspect", "160.safetensors")
    shown = [line for line in result.out.splitlines() if "weight" in line or "bias" in line]
    assert 40 <= len(shown) < 120
    text = " ".join(result.out.split())
    assert "... and 420 more layers and tensors: --layer PATTERN shows those you name, --json all" in text
    assert "all 320 tensors: net 320" in text
    assert "... and 260 more findings" in text
    assert len(cnnkit("inspect", "160.safetensors", "--json").json["tensors"]) == 320


@pytest.mark.usefixtures("files", "terminal")
def test_a_terminal_gets_the_pairs_that_differ(cnnkit):
    equal = cnnkit("diff", "160.safetensors", "160.safetensors")
    assert "... and 320 more pairs: --only PATTERN shows some, --json all" in equal.out
    assert "320 pairs: 320 equal" in equal.out
    assert "... and 180 more only in B" in cnnkit("diff", "40.safetensors", "160.safetensors").out
    assert len(cnnkit("diff", "160.safetensors", "160.safetensors", "--json").json["tensors"]) == 320


@pytest.mark.usefixtures("files")
def test_a_pipe_gets_everything(cnnkit, monkeypatch):
    monkeypatch.setattr(layer_lines, "MOST", 60)
    lines = cnnkit("inspect", "160.safetensors", "--no-stats").out.splitlines()
    assert sum("weight" in line or "bias" in line for line in lines) == 320


def test_a_limit_on_a_number_says_how_to_raise_it(cnnkit, folder, monkeypatch):
    write_safetensors(folder / "a.safetensors", 50)
    monkeypatch.setattr(strict_json, "MOST_NODES", 300)
    error = cnnkit("inspect", "a.safetensors").err
    assert "brackets and commas of JSON, more than 300: CNNKIT_LIMITS=10 in the environment allows" in error
    monkeypatch.setenv("CNNKIT_LIMITS", "10")
    assert cnnkit("inspect", "a.safetensors").status == 0
    for text in ("", "0", "-3", "x", "1e9", "9" * 5000):
        monkeypatch.setenv("CNNKIT_LIMITS", text)
        assert cnnkit("inspect", "a.safetensors").status == 2


@pytest.mark.skipif(sys.platform != "linux", reason="not every file system keeps holes")
@pytest.mark.parametrize(
    "line", [("inspect", "{}"), ("inspect", "{}", "--no-stats"), ("export", "{}", "-o", "x.npz"), ("diff", "{}", "{}"),
             ("show", "{}", "0"), ("evaluate", "{}"), ("train", "--recipe", "bright-dark", "--init-from", "{}")],
    ids=" ".join,
)  # fmt: skip
def test_a_file_of_holes_is_refused_by_every_command(refused, line):
    for name in ("many-hole.safetensors", "many-zeros.pt"):
        next(case for case in load_cases() if case.name == name).write(Path(name))
        error = refused(*(word.format(name) for word in line))
        assert ("are stored, the rest are holes" in error) == (name == "many-hole.safetensors")


def test_a_file_that_is_stored_or_of_which_nothing_is_known_is_no_file_of_holes():
    def require(size, blocks):
        require_stored(SimpleNamespace(st_size=size, st_blocks=blocks))

    require(8 << 30, 1 << 24)  # all of it
    require(8 << 30, 1 << 19)  # compressed to a thirty-second
    require(8 << 30, 0)  # a file system that does not tell
    require(1 << 30, 8)  # too few holes to take long
    with pytest.raises(UnsafeFileError, match="8,589,934,592 bytes of which 4,096 are stored"):
        require(8 << 30, 8)
