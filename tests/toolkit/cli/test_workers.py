"""`cnnkit train` as workers that mpiexec and torchrun have started: one hash, one voice, bounded ends."""

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import launching
import pytest

from cnnkit import exporters
from cnnkit.backends.groups import run_in_threads
from cnnkit.backends.registry import get_backend
from cnnkit.cli.group import CommandGroup, is_silent, name_program
from cnnkit.cli.signals import StopRequest
from cnnkit.errors import CnnkitError, ConfigError, GroupError
from cnnkit.training.fingerprint import fingerprint

TRAIN = ["-m", "cnnkit", "train", "--limit", "150", "-q"]
SMALL = ["--epochs", "9", "--checkpoint-every", "1", "--keep-every", "5"]


def hash_of(path):
    return fingerprint(exporters.read(path))


def find_workers():
    """Return the processes of this test's mpiexec by rank."""
    found = {}
    for number in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            told = Path(f"/proc/{number}/environ").read_bytes()
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        except OSError:  # no process, or one that has ended
            continue
        variables = dict(item.partition(b"=")[::2] for item in told.split(b"\0"))
        if variables.get(b"OF_TEST") == str(os.getpid()).encode() and b"cnnkit" in words[2:3]:
            found.setdefault(int(variables.get(b"OMPI_COMM_WORLD_RANK", b"-1")), number)  # not a child of it
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_killed_worker_and_another_number_of_workers_change_no_bit(cnnkit, net_toml, folder):
    """Three workers, of which one is killed; two go on, and are stopped in an epoch; one process ends it."""
    options = [*TRAIN, "--model", net_toml, *SMALL, "-o", "w.h5", "--log", "log.jsonl"]
    with launching.start_mpiexec(3, *options, OF_TEST=str(os.getpid()), CNNKIT_GROUP_SECONDS="30") as program:
        wait_for_epochs(folder / "log.jsonl", 3, program)
        os.kill(find_workers()[1], signal.SIGKILL)
        out, _ = program.communicate(timeout=60)
    assert program.returncode != 0
    assert out == ""
    rest = exporters.read(folder / "w.h5").position
    assert 2 <= rest["epoch"] < 9

    again = [*TRAIN, "--resume", *SMALL[2:4], "-o", "w.h5"]
    again.remove("-q")
    with launching.start_mpiexec(2, *again, "--log", "log.jsonl", OF_TEST=str(os.getpid())) as program:
        wait_for_epochs(folder / "log.jsonl", rest["epoch"] + 2, program)
        of_rank = find_workers()
        os.kill(of_rank[0], signal.SIGCONT)  # as mpiexec does before it kills: all save, and go on
        wait_for_epochs(folder / "log.jsonl", rest["epoch"] + 3, program)
        os.kill(of_rank[1], signal.SIGTERM)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 143, errors
    assert errors.count("everything so far is in w.h5: continue with: mpiexec -n 2 cnnkit train --resume ") == 1

    assert cnnkit("train", "--resume", "-o", "w.h5").status == 0
    alone = cnnkit("train", "--model", net_toml, *TRAIN[3:], *SMALL, "-o", "alone.h5", "--leaf", "10", "--threads", "1")
    assert alone.status == 0
    assert hash_of("w.h5") == hash_of("alone.h5")
    assert cnnkit("verify", "w.h5").status == 0


def wait_for_epochs(log, number, program):
    for line in itertools.count():
        lines = log.read_text().splitlines() if log.exists() else []
        if len(lines) >= number:
            return
        assert program.poll() is None, program.communicate()
        assert line < 3000, "the training does not begin"
        time.sleep(0.01)


def test_torchrun(cnnkit, net_toml):
    options = ["--model", net_toml, "--backend", "torch", "--epochs", "1"]
    done = launching.run_torchrun(2, *TRAIN, *options, "-o", "w.h5", "--json")
    assert done.returncode == 0, done.stderr
    assert cnnkit("train", *options, *TRAIN[3:], "-o", "alone.h5", "--leaf", "10", "--threads", "1").status == 0
    assert json.loads(done.stdout)["fingerprint"] == hash_of("w.h5") == hash_of("alone.h5")


def test_a_worker_unlike_rank_0_is_refused_by_all(net_toml, folder):
    same = [*TRAIN, "--model", net_toml, "--epochs", "1", "-o", "w.h5"]
    done = launching.run_mpiexec(1, *same, ":", "-n", "1", sys.executable, *same, "--batch-size", "30")
    assert done.returncode == 2
    assert done.stdout == ""
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert told == [
        "error: worker 2 of 2 (rank 1) is not like rank 0: batch_size 30 instead of 50; leaf 5 instead of 10: "
        "start all with the same code, options and data"
    ]
    assert list(folder.iterdir()) == []


# ---- decisions, among threads


def run_group(work, size=3, seconds=60):
    return run_in_threads([get_backend("numpy", threads=1)] * size, lambda group: work(CommandGroup(group)), seconds)


def fail_on(rank, error):
    """Return work for the workers of a command that fails on one of them, or on all for None."""

    def work(workers):
        def do():
            if rank in (None, workers.group.rank):
                raise error
            return workers.group.rank

        try:
            return workers.agree(do)
        except CnnkitError as raised:
            assert workers.agreed
            return raised

    return work


def test_an_error_of_one_is_everybodys():
    assert run_group(fail_on(5, ConfigError("none"))) == [0, 1, 2]
    told = ConfigError("there is no such file")
    of_first = run_group(fail_on(0, told))
    assert of_first[0] is told
    assert [str(error) for error in of_first[1:]] == ["worker 1 of 3 (rank 0): there is no such file"] * 2
    of_last = run_group(fail_on(2, told))
    assert [str(error) for error in of_last[:2]] == ["worker 3 of 3 (rank 2): there is no such file"] * 2
    assert run_group(fail_on(None, told)) == [told] * 3


def test_a_lost_worker_is_no_error_of_the_work():
    def work(workers):
        try:
            workers.agree(lambda: time.sleep(0 if workers.is_first else 1))
        finally:
            assert not workers.agreed

    with pytest.raises(GroupError, match=r"^worker 2 of 2 \(rank 1\): no answer for 0.3 s: "):
        run_group(work, 2, 0.3)


def test_rank_0_alone_works_and_decides():
    done = []

    def work(workers):
        made = workers.lead(lambda: done.append(workers.group.rank) or "made")
        return made, workers.decide(lambda: done == [0])

    assert run_group(work) == [("made", True), (None, True), (None, True)]
    assert done == [0]
    assert run_group(lambda workers: workers.decide(lambda: False)) == [False] * 3


def test_a_signal_to_one_is_told_to_all():
    def work(workers, number):
        stop = StopRequest()
        stop.signal = number if workers.group.rank == 1 else None
        stop.saving = True
        return workers.share_signal(stop), stop(), stop.status

    assert run_group(lambda workers: work(workers, signal.SIGTERM)) == [(True, True, 143)] * 3
    assert run_group(lambda workers: work(workers, None)) == [(False, False, 0)] * 3


def test_a_process_of_its_own_is_its_own_group():
    alone = CommandGroup()
    stop = StopRequest()
    assert (alone.is_first, alone.hurry, alone.share_signal(stop)) == (True, None, False)
    assert (alone.agree(lambda: 1), alone.lead(lambda: 2), alone.decide(lambda: True)) == (1, 2, True)
    with pytest.raises(ZeroDivisionError):
        alone.agree(lambda: 1 / 0)


MPIEXEC = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
TORCHRUN = {"RANK": "0", "WORLD_SIZE": "8", "LOCAL_RANK": "0", "MASTER_ADDR": "node", "MASTER_PORT": "1"}


@pytest.mark.parametrize(
    ("environment", "silent", "words"),
    [
        ({}, False, "cnnkit"),
        (MPIEXEC, True, "mpiexec -n 3 cnnkit"),
        (TORCHRUN, False, "torchrun --nproc-per-node 8 -m cnnkit"),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "4"}, False, "torchrun --nnodes 2 --nproc-per-node 4 -m cnnkit"),
    ],
    ids=["alone", "mpiexec", "torchrun", "two machines"],
)
def test_who_is_silent_and_how_it_was_started(monkeypatch, environment, silent, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_silent(["-q", "train", "--epochs", "1"]) is silent
    assert not is_silent(["inspect", "train"])
    assert " ".join(name_program()) == words


@pytest.mark.parametrize("missing", ["mpi4py", "torch"])
def test_a_missing_engine_is_told_in_one_line(refused, monkeypatch, missing):
    for name, value in ((MPIEXEC | {"OMPI_COMM_WORLD_RANK": "0"}) if missing == "mpi4py" else TORCHRUN).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, missing, None)
    assert f"cnnkit[{'mpi' if missing == 'mpi4py' else 'torch'}]" in refused("train", "-o", "w.h5")
