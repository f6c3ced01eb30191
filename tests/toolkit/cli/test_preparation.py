"""The process that reads HDF5 starts before the command is imported, where it will be needed and only there."""

import os

import h5py
import pytest

from cnnkit.cli.preparation import prepare_command
from cnnkit.files.hdf5.worker_process import WORKER


@pytest.fixture
def started(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = []
    monkeypatch.setattr(WORKER, "prepare", lambda: found.append(1))
    with h5py.File("net.hdf5", "w", userblock_size=1024) as file:
        file["x"] = 1.0
    (tmp_path / "net.npz").write_bytes(b"PK")
    return found


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("inspect", ["net.hdf5"], 1),
        ("diff", ["net.npz", "net.hdf5"], 1),
        ("data", ["show", "--data=net.hdf5"], 1),
        ("train", [], 1),
        ("train", ["--help"], 0),
        ("inspect", ["net.npz"], 0),
        ("inspect", ["no.h5", ".", "\0"], 0),
        ("formats", ["net.hdf5"], 0),
    ],
)
def test_where_an_argument_is_hdf5(started, command, arguments, expected):
    prepare_command(command, arguments)
    assert len(started) == expected


def test_weights_that_need_no_name(started):
    prepare_command("evaluate", [])
    assert started == []
    os.rename("net.hdf5", "weights.h5")
    prepare_command("evaluate", [])
    assert started == [1]


def test_where_a_file_is_named_no_other_is_opened(started):
    os.rename("net.hdf5", "weights.h5")
    prepare_command("inspect", ["net.npz"])
    assert started == []
