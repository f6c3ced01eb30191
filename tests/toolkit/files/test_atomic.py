"""A save is whole or did not happen: shown by failing every system call in turn, and by killing the process."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnkit.files.writing import atomic
from cnnkit.files.writing.atomic import atomic_path, require_writable, write_text

CALLS = ("open", "fsync", "replace", "link")


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_new_file_and_replaced_file(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "one")
    write_text(target, "zwei ü")
    assert target.read_text(encoding="utf-8") == "zwei ü"
    assert listing(tmp_path) == ["a.txt"]


def test_the_old_file_is_there_until_the_block_ends(tmp_path):
    target = tmp_path / "a"
    write_text(target, "old")
    with atomic_path(target) as fresh:
        assert fresh.parent == tmp_path
        fresh.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_inside_leaves_everything_as_it_was(tmp_path, error):
    target = tmp_path / "a"
    write_text(target, "old")
    with pytest.raises(error), atomic_path(target) as fresh:  # noqa: PT012 (the block is what is tested)
        fresh.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert listing(tmp_path) == ["a"]


STRUCK = """
import os, signal, sys, pathlib
from cnnkit.cli.signals import end_on_signals
from cnnkit.files.writing import atomic, temporary
place, number = sys.argv[2], int(sys.argv[3])
end_on_signals()
def strike():
    os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGTERM)
if place != "block":
    real = getattr(os, place)
    setattr(os, place, lambda *args, **kwargs: (real(*args, **kwargs), strike())[0])
with atomic.atomic_path(pathlib.Path(sys.argv[1])) as fresh:
    fresh.write_text("new")
    strike()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("place", ["open", "fsync", "link", "replace", "block"])
def test_a_signal_at_any_place_leaves_no_temporary_file(tmp_path, number, place):
    """The signal comes right after a system call has done its work; a second one does not disturb the removal."""
    target = tmp_path / "a"
    write_text(target, "old")
    strike_in_block = STRUCK if place in ("open", "block") else STRUCK.rpartition("    strike()")[0]
    command = [sys.executable, "-c", strike_in_block, str(target), place, str(int(number))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 128 + number
    assert ended.stderr == f"error: {'interrupted' if number == signal.SIGINT else 'terminated'}\n"
    assert target.read_text() == ("new" if place == "replace" else "old")
    assert listing(tmp_path) == ["a"]


def test_a_check_that_fails_leaves_everything_as_it_was(tmp_path):
    def check(path):
        assert path.read_text() == "half"
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), atomic_path(tmp_path / "a", check) as fresh:
        fresh.write_text("half")
    assert listing(tmp_path) == []


class FailingCall:
    """The k-th of some calls of `os` fails with `code`; all others go through."""

    def __init__(self, monkeypatch, k, code):
        self.left, self.code, self.hit = k, code, None
        for name in CALLS:
            monkeypatch.setattr(atomic.os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name, real):
        def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                self.hit = name
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **kwargs)

        return call


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_every_failing_call_leaves_the_old_file_and_no_leftovers(tmp_path, monkeypatch, existed, code):
    target = tmp_path / "a"
    failed = set()
    for k in range(1, 30):
        target.unlink(missing_ok=True)
        if existed:
            target.write_text("old")
        with monkeypatch.context() as patch:
            calls = FailingCall(patch, k, code)
            try:
                write_text(target, "new")
                saved = True
            except OSError:
                saved = False
        if calls.hit is None:
            assert saved
            break
        failed.add(calls.hit)
        # A link that cannot be made is no failure: some file systems have none.
        assert saved == (calls.hit == "link")
        expected = "new" if saved else "old" if existed else None
        assert (target.read_text() if target.exists() else None) == expected, f"call {k}: {calls.hit}"
        assert listing(tmp_path) == (["a"] if expected else [])
    else:
        pytest.fail("never came to the end")
    assert failed == set(CALLS)


KILLED = """
import sys, pathlib
from cnnkit.files.writing.atomic import atomic_path
target, text = pathlib.Path(sys.argv[1]), "x" * 200_000
print("ready", flush=True)
while True:
    with atomic_path(target) as fresh:
        fresh.write_text(text + "end")
"""


def test_kill_leaves_a_whole_file_and_the_next_save_cleans_up(tmp_path):
    target, whole = tmp_path / "a", "x" * 200_000 + "end"
    write_text(target, whole)
    leftovers = 0
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.005 + 0.003 * attempt)
            process.send_signal(signal.SIGKILL)
        assert target.read_text() == whole
        leftovers += len(listing(tmp_path)) - 1
    write_text(target, "after")
    assert listing(tmp_path) == ["a"], f"{leftovers} were left by the killed"


def test_permissions_follow_the_umask(tmp_path):
    former = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "new")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "deep").mkdir()
    link, real = tmp_path / "link", tmp_path / "deep" / "real"
    link.symlink_to(real)
    for text in ("dangling", "existing"):
        write_text(link, text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert listing(tmp_path / "deep") == ["real"]


@pytest.mark.parametrize("write", [lambda path: write_text(path, "new"), require_writable])
def test_places_that_cannot_be_written_are_refused_by_name(tmp_path, write):
    loop, pipe = tmp_path / "loop", tmp_path / "pipe"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    before = listing(tmp_path)
    for target in (tmp_path, tmp_path / "none" / "a", loop, pipe, Path(os.devnull)):
        with pytest.raises(OSError, match=str(target)):
            write(target)
    assert listing(tmp_path) == before
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
@pytest.mark.parametrize("write", [lambda path: write_text(path, "new"), require_writable])
def test_a_read_only_folder_is_an_os_error(tmp_path, write):
    target = tmp_path / "a"
    target.write_text("old")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="a"):
            write(target)
        assert target.read_text() == "old"
    finally:
        tmp_path.chmod(0o755)


def test_a_denied_folder_is_an_os_error_that_names_the_target(tmp_path, monkeypatch):
    target = tmp_path / "a"

    def denied(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(atomic.os, "open", denied)
    with pytest.raises(PermissionError) as caught:
        write_text(target, "new")
    assert caught.value.filename == str(target)


def test_require_writable_leaves_nothing_and_changes_nothing(tmp_path):
    target = tmp_path / "a"
    require_writable(target)
    assert listing(tmp_path) == []
    target.write_text("old")
    require_writable(target)
    assert target.read_text() == "old"


def test_the_longest_name(tmp_path):
    for name in ("n" * 255, "ü" * 127):
        write_text(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_a_file_system_that_cannot_flush_folders_is_no_failure(tmp_path, monkeypatch):
    real = os.fsync

    def flush(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", flush)
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folders")
def test_a_folder_that_cannot_be_read_is_found_before_the_work(tmp_path, monkeypatch):
    """It takes new files, and yet cannot be flushed: a save would fail at its very end."""
    real = os.open

    def deny(path, *more):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *more)

    monkeypatch.setattr(atomic.os, "open", deny)
    with pytest.raises(PermissionError):
        require_writable(tmp_path / "a")
    assert listing(tmp_path) == []
