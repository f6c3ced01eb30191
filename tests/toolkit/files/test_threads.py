"""Where the system starts no more threads, that is an error of the system, in one line."""

import errno
import threading

import pytest

from cnnkit.cli.app import run
from cnnkit.files.threads import start_thread
from cnnkit.layers import Dense
from cnnkit.model import Model


def refuse(*arguments):  # noqa: ARG001
    raise RuntimeError("can't start new thread")


def test_a_thread_that_cannot_start():
    with pytest.raises(BlockingIOError) as error:
        start_thread(refuse)
    assert error.value.errno == errno.EAGAIN
    with pytest.raises(RuntimeError, match="another"):
        start_thread(lambda: (_ for _ in ()).throw(RuntimeError("another")).__next__())
    assert start_thread(sum, [1, 2]) == 3


@pytest.mark.parametrize("command", ["inspect", "export"])
def test_a_command_without_threads_ends_in_one_line(tmp_path, monkeypatch, capsys, command):
    path = tmp_path / "w.h5"
    Model(Dense(2), (3,)).save(path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        status = run([command, str(path), *(["-o", str(tmp_path / "w.npz")] if command == "export" else []), "-q"])
    said = capsys.readouterr().err
    assert status == 2
    assert "raise ulimit -u" in said
    assert said.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]
    assert Model.load(path).parameters == 8
