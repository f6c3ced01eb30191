"""The trial of mutants sees what goes wrong: planted crashes, hangs, memory, masked exceptions, other values."""

import os
import signal
import time
import warnings

import numpy as np
import pytest
from torture.mutation import workers
from torture.mutation.mutants import Mutant, make_mutant
from torture.mutation.probe import probe
from torture.mutation.seed import Seed

from cnnkit.data import sources
from cnnkit.errors import WeightFileError
from cnnkit.exporters.json.format import JsonFormat
from cnnkit.exporters.npy.format import NpyFormat

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forks")


@pytest.fixture
def seed(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(6.0))
    return Seed.of("npy", "weights", "a.npy", path.read_bytes())


def plant(_, __, ___, number):
    """Go wrong in one way for each number."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 2:
        while True:
            pass
    if number == 3:
        np.ones(300 << 20, np.uint8)  # far more than what a full process may free meanwhile
    if number == 4:
        raise KeyError("planted")
    return "planted" if number == 5 else None


def test_workers_see_each_kind_of_end(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_SECONDS", 1.0)
    monkeypatch.setattr(workers, "_MOST_GROWTH", 40 << 20)
    tally = workers.try_all(lambda _: Mutant(seed, "none"), 8, tmp_path, time.monotonic() + 60, 2, plant)
    assert tally.done == 8
    faults = {line.partition("(")[0].strip(): line for line in tally.faults if line.startswith("mutant")}
    assert faults.keys() == {"mutant 1", "mutant 2", "mutant 3", "mutant 5"}
    for number, words in {1: "ended by SIGKILL", 2: "1 s of work", 3: "MiB of memory", 5: "planted"}.items():
        assert words in faults[f"mutant {number}"]
    (own,) = (line for line in tally.faults if not line.startswith("mutant"))
    assert "KeyError" in own
    assert tally.read["npy"] >= 4


def test_a_process_that_stands_still_is_ended(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_WALL", 1.0)
    tally = workers.try_all(
        lambda _: Mutant(seed, "none"), 2, tmp_path, time.monotonic() + 60, 1, lambda *given: given[3] or time.sleep(60)
    )
    assert tally.faults[0].startswith("mutant 0")
    assert "SIGKILL" in tally.faults[0]
    assert tally.done == 2


@pytest.mark.parametrize(
    ("part", "error", "words"),
    [
        ("read", KeyError("x"), "masked KeyError"),
        ("read", WeightFileError("a line\nmore"), "not one clean line"),
        ("read", WeightFileError("a\x1b[31m"), "not one clean line"),
        ("recognises", IndexError("x"), "recognises: IndexError"),
    ],
)
def test_the_net_below_readers_hides_nothing(seed, tmp_path, monkeypatch, part, error, words):
    def fail(*_):
        raise error

    # Another format's recognition is asked too, as the net below it would take an exception for a no.
    monkeypatch.setattr(NpyFormat if part == "read" else JsonFormat, part, fail)
    assert words in (probe(seed.write(tmp_path), "weights").fault or "")


def test_other_values_are_seen(seed, tmp_path, monkeypatch):
    read = NpyFormat.read

    def lie(self, path):
        weights = read(self, path)
        object.__setattr__(weights.tensors[0], "stream", None)
        object.__setattr__(weights.tensors[0], "shape", (3, 2))
        object.__setattr__(weights.tensors[0], "axes", ("0", "1"))
        return weights

    monkeypatch.setattr(NpyFormat, "read", lie)
    assert "said float64 (3, 2), came float64 (6,)" in (probe(seed.write(tmp_path), "weights").fault or "")


def test_a_warning_is_a_fault(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()

    def load(_):
        warnings.warn("planted", RuntimeWarning, stacklevel=1)
        return sources.load("digits")

    monkeypatch.setattr("torture.mutation.probe.load", load)
    assert "RuntimeWarning" in (probe(folder, "data").fault or "")


def test_a_mutant_is_made_again_from_its_number():
    first, again = (make_mutant(3, 41, "json") for _ in range(2))
    assert first == again
    assert first != make_mutant(3, 42, "json")
    assert first.change
