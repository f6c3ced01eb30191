"""Trains three recipes by `cnnkit train` as 1, 2, 3, 4 and 7 workers, and compares the fingerprints.

Each is compared with one process that has the same --leaf. Then a rank is killed in the middle of a training of 3,
which 2 take on, are stopped in the middle of an epoch, and 7 end. It takes about a quarter of an hour on two cores.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from launching import ROOT, name_mpiexec, name_torchrun

from cnnkit import exporters

NUMBERS = (1, 2, 3, 4, 7)
KILLED, RESUMED, LAST = 3, 2, 7  # workers of a training that loses one, of those that go on, and of those that end it
RECIPES = {
    "lenet5": ("--limit 1920 --epochs 4", 8),
    "mini-resnet": ("--limit 320 --epochs 3 --batch-size 32", 4),  # BatchNorm
    "digits-cnn": ("--augment crop:1,rotate:10 --epochs 6", 4),  # dropout, every picture changed
}  # {name: (options, the leaf that workers take by themselves)}
ENGINES = {"MPI": ("numpy", name_mpiexec), "Gloo": ("torch", name_torchrun)}
SECONDS = 600
BEGUN = 0.2  # seconds after the table of epochs begins, at which a resumed training is stopped


class Trainings:
    """The trainings of one recipe by one engine, in a folder of their own."""

    def __init__(self, folder: Path, recipe: str, engine: str) -> None:
        self.folder, self.recipe = folder, recipe
        self.backend, self.launcher = ENGINES[engine]
        self.environment = os.environ | ROOT | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def start(self, out: str, workers: int, *options: str) -> "subprocess.Popen[str]":
        """Start `cnnkit train` as so many workers; 0: as one process without a launcher."""
        arguments = ["-m", "cnnkit", "train", "-o", out, *options]
        words = self.launcher(workers, arguments) if workers else [sys.executable, *arguments]
        return subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def train(self, out: str, workers: int, *options: str) -> str:
        """Run a training to its end and return its fingerprint. Raises RuntimeError with what it said."""
        return read_fingerprint(self.start(out, workers, *self.options, *options))

    @property
    def options(self) -> list[str]:
        """What a training begins with."""
        return ["--recipe", self.recipe, "--backend", self.backend, *RECIPES[self.recipe][0].split()]

    def disturb(self, out: str) -> str:
        """Kill a rank of one training, stop the one that goes on in the middle of an epoch, end it; its fingerprint."""
        killed = self.start(out, KILLED, *self.options, "--checkpoint-every", "1")
        wait_for(self.folder / out, killed)
        os.kill(find_worker(killed.pid), signal.SIGKILL)
        begun = time.perf_counter()
        said = killed.communicate(timeout=SECONDS)[0]
        print(f"    rank killed: exit status {killed.returncode} after {time.perf_counter() - begun:.1f} s", flush=True)
        assert killed.returncode, said
        resumed = self.start(out, RESUMED, "--resume")
        line = wait_for_begin(resumed)
        time.sleep(BEGUN)
        os.kill(find_worker(resumed.pid), signal.SIGTERM)
        said = line + resumed.communicate(timeout=SECONDS)[0]
        stopped = [word for word in said.splitlines() if "stopped" in word]
        assert stopped, said
        position = exporters.read(self.folder / out).position
        assert position is not None
        print(f"    it had done {position['batch']} updates of epoch {position['epoch']}", flush=True)
        print(f"    stopped: exit status {resumed.returncode}: {stopped[:1] or said.splitlines()[-3:]}", flush=True)
        return read_fingerprint(self.start(out, LAST, "--resume"))


def read_fingerprint(process: "subprocess.Popen[str]") -> str:
    """Return the fingerprint that a training prints."""
    said = process.communicate(timeout=SECONDS)[0]
    found = [line.split()[1] for line in said.splitlines() if line.startswith("fingerprint ")]
    if process.returncode or len(found) != 1:
        raise RuntimeError(f"exit status {process.returncode}\n{said[-2000:]}")
    return found[0]


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until a training has saved something."""
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def wait_for_begin(process: "subprocess.Popen[str]") -> str:
    """Return what a training says until its table of epochs begins."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith("epoch"):
            break
    return "".join(lines)


def find_worker(launcher: int) -> int:
    """Return the process of the last worker that a launcher has started, which is not rank 0."""
    children = list(list_descendants(launcher))
    workers = [pid for pid in children if b"cnnkit\0train" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    ranks = [pid for pid in workers if read_rank(pid)]
    return max(ranks, key=read_rank)


def read_rank(pid: int) -> int:
    """Return a process's rank, 0 where it has none."""
    environment = dict(
        word.split(b"=", 1) for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in word
    )
    return int(environment.get(b"OMPI_COMM_WORLD_RANK", environment.get(b"RANK", b"0")))


def list_descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from list_descendants(child)


def main() -> int:
    """Return 0 where there is one fingerprint for each recipe and engine."""
    parser = argparse.ArgumentParser("workers", description=__doc__)
    parser.add_argument("--recipe", choices=list(RECIPES), action="append")
    parser.add_argument("--engine", choices=list(ENGINES), action="append")
    options = parser.parse_args()
    failed = False
    for engine in options.engine or ENGINES:
        for recipe in options.recipe or RECIPES:
            with tempfile.TemporaryDirectory() as folder:
                trainings = Trainings(Path(folder), recipe, engine)
                found = {f"{workers} workers": trainings.train(f"{workers}.h5", workers) for workers in NUMBERS}
                found["one process"] = trainings.train("0.h5", 0, "--threads", "1", "--leaf", str(RECIPES[recipe][1]))
                found["killed, resumed, resumed"] = trainings.disturb("killed.h5")
            equal = len(set(found.values())) == 1
            failed |= not equal
            verdict = f"one fingerprint, {next(iter(found.values()))[:16]}" if equal else f"DIFFER: {found}"
            print(f"{recipe}, {engine}: {verdict}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
