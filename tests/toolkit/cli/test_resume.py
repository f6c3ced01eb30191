"""A training that was stopped and went on is the training that was not stopped, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cnnkit import exporters

OPTIONS = ("--limit", 300, "--validation-split", 0.2)


@pytest.fixture
def train(cnnkit, net_toml):
    return lambda *options: cnnkit("train", "--model", net_toml, *OPTIONS, *options)


def content(path):
    """Every tensor of a file, the optimizer's too, and the history without its times."""
    file = exporters.read(Path(path))
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in file.metadata.get("history", [])]
    return {(t.kind, t.name): t.sha256() for t in file}, history


def test_five_epochs_and_five_more_are_ten(train):
    assert train("--epochs", 10, "-o", "whole.h5").status == 0
    assert train("--epochs", 5, "-o", "parts.h5").status == 0
    result = train("--epochs", 10, "-o", "parts.h5", "--resume")
    assert result.status == 0, result.err
    assert "epochs: 5, now 10" in result.err
    assert content("parts.h5") == content("whole.h5")


@pytest.mark.parametrize("batches", [0, 1, 3, 5, 12])
def test_stopped_inside_an_epoch_and_gone_on(train, stop_after, batches):
    assert train("--epochs", 4, "-o", "whole.h5").status == 0
    with stop_after(batches):
        stopped = train("--epochs", 4, "-o", "parts.h5")
    assert stopped.status == 130
    assert "--resume" in stopped.err
    assert content("parts.h5") != content("whole.h5")
    assert train("--epochs", 4, "-o", "parts.h5").status == 2, "what is unfinished is not overwritten"
    result = train("--epochs", 4, "-o", "parts.h5", "--resume", "--json")
    assert result.status == 0, result.err
    assert result.json["epochs_run"] == 4
    assert content("parts.h5") == content("whole.h5")


def test_sigterm_has_its_own_status(train, stop_after):
    with stop_after(3, signal.SIGTERM):
        result = train("--json")
    assert result.status == 143
    assert "stopped" in result.json["error"]["message"]


def test_a_finished_run_has_nothing_to_resume(train):
    train()
    assert train("--resume", "--json").json["skipped"] is True


@pytest.mark.parametrize("change", [("--seed", 3), ("--batch-size", 7), ("--dtype", "float64")])
def test_another_run_cannot_be_resumed(train, change):
    train("--epochs", 1)
    before = Path("weights.h5").read_bytes()
    result = train(*change, "--resume")
    assert result.status == 2
    assert change[0].removeprefix("--").replace("-", "_") in result.err
    assert Path("weights.h5").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_signal(net_toml, folder, number, status):
    command = [sys.executable, "-m", "cnnkit.cli", "train", "--model", str(net_toml), "--epochs", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith("epoch"):
                break
        program.send_signal(number)
        _, errors = program.communicate(timeout=30)
    assert program.returncode == status
    assert "everything so far is in weights.h5" in errors
    assert "Traceback" not in errors
    assert exporters.read(folder / "weights.h5").position["finished"] is False
    assert [path.name for path in folder.iterdir()] == ["weights.h5"]
