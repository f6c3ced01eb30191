"""Places that cannot be written, or not now: one line, the old file, nothing left over."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cnnkit import exporters
from cnnkit.cli.app import run
from cnnkit.files.hdf5.worker_process import WORKER
from cnnkit.files.writing.claim import claim

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other kinds of files")
WRITERS = {
    "train": (("train", "--epochs", "1", "--overwrite", "-o"), "a.h5"),
    "log": (("train", "--epochs", "1", "-o", "b.h5", "--log"), "a.jsonl"),
    "plot": (("train", "--epochs", "1", "-o", "b.h5", "--plot"), "a.svg"),
    "export": (("export", "FILE", "--overwrite", "-o"), "a.npz"),
    "show": (("show", "FILE", "0", "--overwrite", "-o"), "a.png"),
    "inspect": (("inspect", "FILE", "--html"), "a.html"),
    "summary": (("summary", "FILE", "--overwrite", "-o"), "a.svg"),
    "parity": (("parity", "--backend", "numpy", "--filter", "layer ReLU", "--quick", "--report"), "a.md"),
}


@pytest.fixture(params=WRITERS)
def write(request, cnnkit, trained, net_toml):
    """Run one command that writes to the given place; returns its result. `write.name`: the name for the file."""
    words, name = WRITERS[request.param]

    def call(place):
        more = ("--model", net_toml) if words[0] == "train" else ()
        return cnnkit(*(trained if word == "FILE" else word for word in words), place, *more, "-q")

    call.name = name
    return call


def make_place(path, kind):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))
    else:
        path.symlink_to(path if kind == "loop" else os.devnull)


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "loop", "device"])
def test_what_is_no_file_is_refused_and_stays(folder, write, kind):
    path = folder / write.name
    try:
        make_place(path, kind)
    except OSError:  # the name of a socket has at most 107 bytes
        pytest.skip("the folder's name is too long")
    before = os.lstat(path)
    result = write(path.name)
    assert result.status == 2
    assert path.name in result.err
    assert result.err.count("\n") == 1
    assert "defect" not in result.err
    assert [entry.name for entry in folder.iterdir()] == [path.name]
    assert (os.lstat(path).st_mode, os.lstat(path).st_ino) == (before.st_mode, before.st_ino)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_link_stays_and_the_file_at_its_end_is_made(folder, write):
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # another file system
    try:
        (folder / write.name).symlink_to(place / "real")
        assert write(write.name).status == 0
        assert (folder / write.name).is_symlink()
        assert (place / "real").stat().st_size > 0
        assert [entry.name for entry in place.iterdir()] == ["real"]
    finally:
        shutil.rmtree(place)


def run_as_nobody(arguments, folder):
    """Return status and standard error of the program in `folder` as a user who may not write everywhere."""
    with tempfile.TemporaryFile() as errors:
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                sys.stderr = open(errors.fileno(), "w", closefd=False)  # noqa: SIM115
                os.chdir(folder)
                WORKER.prepare()  # whose interpreter may lie where nobody has a right
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                status = run([str(argument) for argument in arguments])
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        errors.seek(0)
        return status, errors.read().decode()


@pytest.fixture
def open_folder(trained, net_toml):
    """A folder that every user may enter, with the inputs in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in (trained, net_toml):
            shutil.copy(path, folder)
            (folder / path.name).chmod(0o644)
        yield folder


@pytest.mark.parametrize("target", ["old.npz", "new.npz", "old.h5", "new.h5"])
@pytest.mark.parametrize("protected", ["folder", "file"])
def test_a_read_only_place_is_refused_before_any_work(open_folder, target, protected):
    place = open_folder / "place"
    place.mkdir()
    path = place / target
    if target.startswith("old"):
        path.write_bytes(b"old")
        path.chmod(0o444)
    if protected == "file" and not path.exists():
        pytest.skip("there is no file to protect")
    place.chmod(0o555 if protected == "folder" else 0o777)
    words = ["export", "weights.h5"] if path.suffix == ".npz" else ["train", "--model", "net.toml"]
    status, errors = run_as_nobody([*words, "-o", f"place/{target}", "--overwrite", "-q"], open_folder)
    assert status == 2, errors
    assert target in errors
    assert ("ermission denied" in errors) or ("is read-only: choose a place that you may write to" in errors)
    assert errors.count("\n") == 1
    assert [entry.name for entry in place.iterdir()] == [target] * path.exists()
    assert not path.exists() or path.read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["export", "train", "train --log"])
def test_a_full_disk(folder, cnnkit, trained, net_toml, kind):
    """A file system of 256 KiB, of which almost all is used."""
    place = folder / "small"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing")
    try:
        name = {"export": "a.npz", "train": "a.h5", "train --log": "a.jsonl"}[kind]
        old = place / name
        old.write_bytes(b'{"old": 1}\n')
        (place / "filling").write_bytes(bytes(4096 * {"export": 62, "train": 60, "train --log": 63}[kind]))
        if kind == "export":
            result = cnnkit("export", trained, "-o", old, "--overwrite", "-q")
        elif kind == "train":
            result = cnnkit("train", "--model", net_toml, "-o", old, "--overwrite", "-q")
        else:
            os.truncate(old, 4096)  # the next line needs another page
            result = cnnkit("train", "--model", net_toml, "-o", "b.h5", "--log", old, "-q")
        assert result.status == 2
        assert "No space left on device: make room on the disk" in result.err
        assert name in result.err
        assert result.err.count("\n") == 1
        assert sorted(entry.name for entry in place.iterdir()) == ["filling", name] if name > "f" else [name, "filling"]
        assert old.read_bytes().rstrip(b"\0") == b'{"old": 1}\n'
        if kind == "train --log":
            assert "everything so far is in b.h5: continue with: cnnkit train --resume -o b.h5" in result.err
            assert cnnkit("train", "--resume", "-o", "b.h5", "-q").status == 0
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_folder_that_vanishes_during_a_training(folder, cnnkit, net_toml, monkeypatch):
    (folder / "deep").mkdir()
    real = exporters.write

    def vanish(*arguments, **named):
        shutil.rmtree(folder / "deep")
        real(*arguments, **named)

    monkeypatch.setattr(exporters, "write", vanish)
    result = cnnkit("train", "--model", net_toml, "-o", "deep/a.h5", "-q")
    assert result.status == 2
    assert "deep/a.h5: cannot be written: its folder does not exist: make it first" in result.err


def test_a_file_has_one_training_at_a_time(folder, cnnkit, net_toml):
    words = ("train", "--model", net_toml, "--epochs", "1", "-q", "-o")
    with claim(folder / "a.h5"):
        result = cnnkit(*words, "a.h5")
        assert result.status == 2
        assert f"a.h5: another training, process {os.getpid()}, writes this file" in result.err
        assert cnnkit(*words, "b.h5").status == 0
    assert cnnkit(*words, "a.h5").status == 0
    assert sorted(entry.name for entry in folder.iterdir()) == ["a.h5", "b.h5"]


def test_two_trainings_started_at_once(folder, net_toml):
    command = [sys.executable, "-m", "cnnkit.cli", "train", "--model", str(net_toml), "-q", "--overwrite"]
    runs = [subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert sorted(run.returncode for run in runs) in ([0, 2], [0, 0])  # the other may have ended before
    for run_, errors in zip(runs, said, strict=True):
        assert run_.returncode == 0 or "writes this file" in errors
    assert exporters.read(folder / "weights.h5").position["finished"] is True
    assert [entry.name for entry in folder.iterdir()] == ["weights.h5"]


def test_a_log_of_its_own(refused, net_toml):
    assert "--log: expected a file of its own" in refused("train", "--model", net_toml, "-o", "a.h5", "--log", "./a.h5")


def test_a_log_whose_last_line_was_torn_gets_new_lines_of_its_own(folder, cnnkit, net_toml):
    (folder / "a.jsonl").write_text('{"epoch": 1}\n{"epo')
    assert cnnkit("train", "--model", net_toml, "-q", "--log", "a.jsonl").status == 0
    lines = (folder / "a.jsonl").read_text().splitlines()
    assert lines[:2] == ['{"epoch": 1}', '{"epo']
    assert [json.loads(line)["epoch"] for line in lines[2:]] == [1, 2]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_content_reaches_the_disk_before_the_name_and_the_name_before_the_end(folder, trained, name):
    """The order of system calls that lets a file survive the loss of power."""
    traced = ["strace", "-f", "--seccomp-bpf", "-y", "-e", "trace=openat,write,fsync,rename,exit_group", "-o", "calls"]
    (folder / name).write_bytes(b"old")
    command = [sys.executable, "-m", "cnnkit.cli", "export", str(trained), "-o", name, "--overwrite", "-q"]
    if subprocess.run([*traced, *command], capture_output=True, check=False).returncode:
        pytest.skip("this user may trace nothing")
    calls = [line.split(maxsplit=1)[1] for line in (folder / "calls").read_text().splitlines()]
    calls = [call for call in calls if str(folder) in call or call.startswith("exit_group")]
    places = {
        "write": max(i for i, call in enumerate(calls) if call.startswith("write(") and ".tmp>" in call),
        "flush": next(i for i, call in enumerate(calls) if call.startswith("fsync(") and ".tmp>" in call),
        "rename": next(i for i, call in enumerate(calls) if call.startswith("rename(") and f'/{name}")' in call),
        "folder": next(i for i, call in enumerate(calls) if call.startswith("fsync(") and f"<{folder}>" in call),
        "end": max(i for i, call in enumerate(calls) if call.startswith("exit_group")),
    }
    assert list(places.values()) == sorted(places.values()), calls
    assert not any(call.startswith("openat") and "O_TRUNC" in call and f'/{name}"' in call for call in calls)
