"""What killed processes leave goes, what living ones need stays; a file has one training at a time."""

import os
import subprocess
import sys
import time

import pytest

from cnnkit.files.writing.abandoned import clear_abandoned
from cnnkit.files.writing.atomic import write_text
from cnnkit.files.writing.claim import claim
from cnnkit.files.writing.processes import digest_machine, read_start


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def temporary(target, pid, start=0, machine=None):
    return target.parent / f".{target.name}.cnnkit-{machine or digest_machine()}-{pid}-{start}-0123abcd.tmp"


def dead_pid():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def make(path, folder=False, age=0.0):
    path.mkdir() if folder else path.touch()
    if folder:
        (path / "part").touch()
    past = time.time() - age
    os.utime(path, (past, past))
    return path


@pytest.mark.parametrize("clear", [lambda folder: write_text(folder / "a", "new"), clear_abandoned])
def test_only_what_dead_processes_left_is_removed(tmp_path, clear):
    target, dead, other = tmp_path / "a", dead_pid(), tmp_path / "b"
    write_text(target, "old")
    reused = (os.getpid(), read_start(os.getpid()) + 1) if read_start(os.getpid()) else (dead, 0)
    for path in (temporary(target, dead), temporary(other, *reused), temporary(other, 7, 7, "00000000")):
        make(path, age=2 * 86_400)
    make(temporary(target, dead, 5), folder=True)
    kept = [
        make(temporary(target, os.getpid())),
        make(temporary(other, os.getpid(), read_start(os.getpid()) or 0), age=2 * 86_400),
        make(temporary(target, 7, 7, "00000000"), age=3600),  # of another machine, and young
        make(temporary(target, dead).with_suffix(".tmp2")),
        make(tmp_path / ".a.tmp"),
        make(tmp_path / f".a.{digest_machine()}-{dead}-0123abcd.tmp"),
        make(tmp_path / f"a.cnnkit-{digest_machine()}-{dead}-0-0123abcd.tmp"),
    ]
    link = temporary(tmp_path / "link", dead)
    link.symlink_to(target)
    kept.append(link)
    clear(tmp_path)
    assert listing(tmp_path) == sorted(["a", *(path.name for path in kept)])


CLAIMS = """
import sys, pathlib, time
from cnnkit.files.writing.claim import claim
with claim(pathlib.Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_claim_holds_while_its_process_lives(tmp_path):
    target = tmp_path / "a"
    with subprocess.Popen([sys.executable, "-c", CLAIMS, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(OSError, match=f"another training, process {process.pid}, writes this file"), claim(target):
            pass
        clear_abandoned(tmp_path)
        assert listing(tmp_path) == [".a.cnnkit-run"]
        with claim(tmp_path / "b"):
            pass
        process.kill()
    assert listing(tmp_path) == [".a.cnnkit-run"]
    with claim(target):
        assert listing(tmp_path) == [".a.cnnkit-run"]
    assert listing(tmp_path) == []
    (tmp_path / ".a.cnnkit-run").touch()
    clear_abandoned(tmp_path)
    assert listing(tmp_path) == []


def test_the_longest_name_is_cleared_too(tmp_path):
    stale = make(temporary(tmp_path / ("n" * 160), dead_pid()))
    write_text(tmp_path / ("n" * 255), "again")
    assert not stale.exists()
