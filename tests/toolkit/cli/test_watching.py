"""A bar for long work with weights: on a terminal alone, after two seconds, not with -q."""

import time

import numpy as np
import pytest

from cnnkit.cli import watching
from cnnkit.cli.output import Output
from cnnkit.exporters import Tensor, WeightFile


def streamed():
    yield np.ones(3)
    yield np.ones(4)
    return "digest"


FILE = WeightFile((Tensor.of("0.weight", np.ones((2, 3))),))


def test_a_terminal_gets_a_bar_after_its_patience(cnnkit, trained, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(watching, "PATIENCE", 0.0)
    assert "inspecting weights.h5" in cnnkit("inspect", trained).err
    assert "comparing" in cnnkit("diff", trained, trained, "--json").err
    assert "writing out.npz" in cnnkit("export", trained, "-o", "out.npz").err
    assert "inspecting" not in cnnkit("inspect", trained, "-q").err


def test_short_work_and_pipes_get_none(cnnkit, trained, monkeypatch):
    assert cnnkit("inspect", trained).err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cnnkit("inspect", trained).err == ""


def test_what_is_read_moves_the_bar_and_stays_what_it_is():
    reported, digests = [], []
    assert watching._report_reads(FILE.tensors[0], reported.append).read().shape == (2, 3)
    assert reported == [6]
    tensor = Tensor("x", "", "other", "other", ("0",), "float64", (7,), lambda: np.ones(7), streamed)

    def consume():
        digests.append((yield from watching._report_reads(tensor, reported.append).stream()))

    sizes = [part.size for part in consume()]
    assert sizes == [3, 4]
    assert reported == [6, 3, 4]
    assert digests == ["digest"]


def test_an_error_ends_the_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(watching, "PATIENCE", 0.0)

    def fail():
        with watching.watch_reading(Output(), "reading") as watch:
            watch(FILE).tensors[0].read()
            time.sleep(0.05)
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        fail()
    assert "reading" in capsys.readouterr().err
