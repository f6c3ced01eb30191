"""The clock of the worker: it rings late enough, never after its stop, and not for the time of Ctrl-Z."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from cnnkit.files.hdf5 import cage
from cnnkit.files.hdf5.clock import Clock

WATCH = """
import time
from cnnkit.files.hdf5.clock import Clock
clock = Clock(2.0, lambda: None)
print("ready", flush=True)
input()
time.sleep(0.2)
print(clock.late)
"""


def test_it_rings_once_and_not_after_its_stop():
    rung = threading.Event()
    clock, stopped = Clock(0.05, rung.set), Clock(0.05, lambda: pytest.fail("it was stopped"))
    stopped.stop()
    assert rung.wait(10)
    time.sleep(0.1)
    assert clock.late
    assert not stopped.late


@pytest.mark.skipif(os.name == "nt", reason="Windows stops no process")
def test_the_time_while_the_process_is_stopped_does_not_count():
    with subprocess.Popen(
        [sys.executable, "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        assert process.communicate("\n", timeout=30)[0] == "False\n"


def test_values_are_read_whole_after_a_long_stop(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=np.ones((64, 1 << 16), "f4"), chunks=(1, 1 << 16), compression="gzip")
    listed = cage.list_hdf5(tmp_path / "a.h5").datasets["x"]
    times = iter(range(0, 1_000_000_000, 100_000))
    monkeypatch.setattr(cage, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(cage, "_TOGETHER", 1)
    assert cage.read_values(tmp_path / "a.h5", "x", listed).sum() == 64 << 16
    assert next(times) > 200_000, "more than one request"
