"""Real signals to the real program while it writes: its exit status, its one line, and what it leaves."""

import os
import signal
import subprocess
import sys

import pytest

from cnnkit.cli.signals import stop_on_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

SLOW = """
import sys, time
from cnnkit.cli import main
from cnnkit.exporters.text.format import TextFormat
write = TextFormat.write
def slow(*args, **kwargs):
    write(*args, **kwargs)
    print("ready", flush=True)
    time.sleep(60)
TextFormat.write = slow
main()
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_stopped_export_leaves_nothing(trained, folder, number, status):
    command = [sys.executable, "-c", SLOW, "export", str(trained), "-o", str(folder / "net.txt")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        assert [path.suffix for path in folder.iterdir()] == [".tmp"]
        os.killpg(program.pid, number)
        _, errors = program.communicate(timeout=30)
    assert program.returncode == status
    assert errors == f"error: {'interrupted' if number == signal.SIGINT else 'terminated'}\n"
    assert list(folder.iterdir()) == []


def test_ignored_signals_stay_ignored_as_below_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop()
            assert stop.status == 143
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_stops_at_sigusr1_too_and_saves_at_sigcont():
    before, hurried = signal.getsignal(signal.SIGUSR1), []
    with stop_on_signals(lambda: hurried.append(True)) as stop:
        os.kill(os.getpid(), signal.SIGCONT)
        assert (stop(), stop.status, hurried) == (True, 0, [])
        os.kill(os.getpid(), signal.SIGUSR1)
        assert (stop(), stop.status, hurried) == (True, 138, [True])
    assert signal.getsignal(signal.SIGUSR1) == before
