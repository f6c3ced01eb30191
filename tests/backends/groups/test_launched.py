"""Real workers, started by mpiexec and torchrun: every operation of a group, and the loss of a worker."""

import json
import time
from pathlib import Path

import pytest
from launching import run_mpiexec, run_torchrun

WORKER = Path(__file__).parent / "worker.py"


def read_reports(folder, done):
    assert len(list(folder.glob("*.json"))) == 3, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(3)]


def check_work(report, names):
    assert report["size"] == 3
    for name in names:
        assert report[name] == [True] * 5
    assert report["json"] == [{"rank": k, "text": "é" * k} for k in range(3)]
    assert report["sent"] == pytest.approx(2 * 2 / 3 * 1001 * 4, abs=16)  # 1001 numbers in three slices


def test_mpiexec(tmp_path):
    """A silent worker is named after the limit; then MPI stops it."""
    start = time.monotonic()
    done = run_mpiexec(3, WORKER, tmp_path, "reference", "numpy", "silent", CNNKIT_GROUP_SECONDS="3")
    assert time.monotonic() - start < 60
    assert done.returncode == 2, done.stderr
    reports = read_reports(tmp_path, done)
    for report in reports:
        assert report["engine"] == "MPI"
        check_work(report, ["numpy", "reference"])
    told = [report["lost"] for report in reports if "lost" in report]
    assert told  # the first to give up stops the others
    for text, seconds in told:
        assert text.startswith("worker 2 of 3 (rank 1): no answer for 3 s: ")
        assert 2.9 < seconds < 20


def test_torchrun(tmp_path):
    """A killed worker is named at once."""
    done = run_torchrun(3, WORKER, tmp_path, "torch", "numpy", "killed", CNNKIT_GROUP_SECONDS="60")
    assert done.returncode == 1, done.stderr
    reports = read_reports(tmp_path, done)
    for report in reports:
        assert report["engine"] == "torch.distributed"
        check_work(report, ["torch", "numpy"])
    told = [report["lost"] for report in reports if "lost" in report]
    for text, seconds in told:
        assert text.startswith("worker 2 of 3 (rank 1): lost")
        assert seconds < 20
