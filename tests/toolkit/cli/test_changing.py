"""Files, data and clocks that change while a command reads, or between a training and its resume."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from cnnkit import exporters
from cnnkit.cli.training_job import Job


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".safetensors", ".pt", ".onnx", ".json", ".txt", ".svg"])
@pytest.mark.parametrize("command", ["export", "inspect", "diff"])
def test_a_file_that_is_replaced_while_it_is_read(folder, cnnkit, trained, monkeypatch, suffix, command):
    """Between the list of its tensors and their values: it is said, or the old values were in memory already."""
    path, spare = folder / f"a{suffix}", folder / f"spare{suffix}"
    shutil.copy(trained, folder / "a.h5")
    if suffix != ".h5":
        exporters.write(exporters.read(trained), path)
    shutil.copy2(path, spare)  # same size, same time
    words = {
        "export": ("export", path, "-f", "json", "-o", "out.json", "--allow-partial"),
        "inspect": ("inspect", path, "--json"), "diff": ("diff", path, trained, "--json"),
    }[command]  # fmt: skip
    expected = cnnkit(*words)
    (folder / "out.json").unlink(missing_ok=True)
    real = exporters.read

    def replace(place, *more):
        weights = real(place, *more)
        if Path(place) == path and spare.exists():
            os.replace(spare, path)
        return weights

    monkeypatch.setattr(exporters, "read", replace)
    result = cnnkit(*words)
    if result.status == 2:
        assert "changed since it was listed: read it again" in result.err
        assert result.err.count("error:") == 1
        assert not (folder / "out.json").exists()
    else:
        assert result == expected


def test_data_that_changed_since_the_training_stopped(folder, cnnkit, net_toml, stop_after):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 8, 8), np.uint8), np.arange(60) % 10
    np.savez("set.npz", x_train=images, y_train=labels)
    with stop_after(1):
        assert cnnkit("train", "--model", net_toml, "--data", "set.npz", "-o", "a.h5", "-q").status == 130
    before = (folder / "a.h5").read_bytes()
    images[7, 3, 3] ^= 1
    np.savez("set.npz", x_train=images, y_train=labels)
    result = cnnkit("train", "--resume", "-o", "a.h5", "-q")
    assert result.status == 2
    assert "data: set.npz has other content now" in result.err
    assert (folder / "a.h5").read_bytes() == before


def test_a_clock_set_back_does_not_matter(cnnkit, net_toml, stop_after, monkeypatch):
    whole = ("train", "--model", net_toml, "-q", "-o")
    assert cnnkit(*whole, "whole.h5").status == 0
    with stop_after(3):
        assert cnnkit(*whole, "a.h5").status == 130
    tomorrow = time.time() + 86_400
    os.utime("a.h5", (tomorrow, tomorrow))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert cnnkit("train", "--resume", "-o", "a.h5", "-q").status == 0
    values = [[(t.name, t.read().tobytes()) for t in exporters.read(name)] for name in ("whole.h5", "a.h5")]
    assert values[0] == values[1]


def test_a_training_that_ended_before_its_test_is_completed(cnnkit, net_toml, monkeypatch):
    whole = ("train", "--model", net_toml, "-q", "-o")
    assert cnnkit(*whole, "whole.h5").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(Job, "_finish", lambda _: None)  # as when the process is killed there
        cnnkit(*whole, "a.h5")
    assert "test" not in exporters.read("a.h5").metadata
    assert "--resume continues it" in cnnkit(*whole, "a.h5").err
    assert cnnkit("train", "--resume", "-o", "a.h5", "-q").status == 0
    assert exporters.read("a.h5").metadata["test"] == exporters.read("whole.h5").metadata["test"]
