"""Each system call of each command that writes fails in turn: one line, the old file untouched, nothing left over."""

import errno
import importlib.util
import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cnnkit.errors import CnnkitError
from torture.struck import Ended, Zygote, start_zygote
from torture.tiny_training import begin, go_on
from torture.trial import Budget, Found, Trial
from torture.writers import Writer, list_writers, serve

CALLS = ("open", "write", "fsync", "close", "ftruncate", "rename", "link", "unlink", "mkdir")  # as in shim.c
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EINTR)
NO_FAULT = {"call": 0, "k": -1, "error": 0, "short": 0}
_FEW = 100  # attempts, below which a run is to be short


@dataclass(frozen=True)
class Fault:
    """The k-th `call` fails with `error`; 0: a write that writes half. old: whether the files were there before."""

    name: str
    call: int
    k: int
    error: int
    old: bool

    def describe(self) -> str:
        what = errno.errorcode[self.error] if self.error else "half of it"
        return f"{self.name}: {CALLS[self.call]} {self.k}: {what}, {'over an old file' if self.old else 'a new file'}"


def fail_calls(budget: Budget) -> Found:
    found, rng = Found(), random.Random(budget.seed)
    end = time.monotonic() + budget.seconds
    torch = importlib.util.find_spec("torch") is not None and budget.count >= _FEW
    with (
        start_zygote(budget.folder / "scratch", build_shim(budget.folder)) as zygote,
        serve(budget.folder / "served") as (url, served),
    ):
        source = budget.folder / "source"
        source.mkdir()
        zygote.run(begin(source, "numpy"), source, imports=True)
        writers = list_writers(source / "w.h5", url, served, torch)
        if budget.count < _FEW:
            writers = {name: writers[name] for name in ("export npz", "train --log")}
        bench = Bench(zygote, budget.folder, writers)
        faults = [fault for name in writers for fault in bench.list_faults(name)]
        rng.shuffle(faults)
        for fault in faults[: budget.count]:
            if time.monotonic() > end:
                break
            found.attempts += 1
            problem = bench.find_problem(fault)
            if problem:
                found.faults.append(f"{fault.describe()}: {problem}")
        found.figures = {"calls that can fail": len(faults), "writers": len(writers), "failed, and said": bench.said}
    return found


def build_shim(folder: Path) -> Path:
    """Compile shim.c into `folder` and return the library."""
    library, text = folder / "shim.so", Path(__file__).parents[1] / "shim.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, text, "-ldl"], check=True)
    return library


class Bench:
    """Runs writers with faults; knows what each file is when nothing fails."""

    def __init__(self, zygote: Zygote, folder: Path, writers: dict[str, Writer]) -> None:
        self.zygote, self.writers, self.said = zygote, writers, 0
        self.folder = folder / "bench"
        self.right: dict[str, list[object]] = {}

    def list_faults(self, name: str) -> list[Fault]:
        """Return a fault for each call that the writer makes, and each way to fail."""
        faults, writer = [], self.writers[name]
        for old in (False, True)[: 1 + writer.replaces]:
            self._prepare(writer, old)
            ended = self._run(writer, NO_FAULT)
            assert ended.status == 0, (name, ended.errors)
            self.right[name] = [writer.read(self.folder / file) for file in writer.files]
            if not old:
                self.zygote.run(writer.words, self.folder, imports=True, prelude=writer.prelude)
            for call, count in enumerate(ended.counts):
                errors = (*_ERRORS, 0) if CALLS[call] == "write" else _ERRORS
                faults += [Fault(name, call, k, error, old) for k in range(1, count + 1) for error in errors]
        return faults

    def find_problem(self, fault: Fault) -> str | None:
        """Let one call fail and return what is wrong afterwards."""
        writer = self.writers[fault.name]
        before = self._prepare(writer, fault.old)
        how = {"call": fault.call, "k": fault.k, "error": fault.error, "short": int(not fault.error)}
        ended = self._run(writer, how)
        extra = sorted(set(map(str, self._list())) - set(writer.files))
        if extra:
            return f"left over: {extra}; {ended.errors!r}"
        for words in ("Traceback", "Exception ignored", "a defect of cnnkit"):
            if words in ended.errors:
                return ended.errors[-400:]
        if ended.status == 0:
            return self._compare(writer, ended)
        self.said += 1
        if fault.error in (errno.EINTR, 0):
            return f"status {ended.status}, where it can go on: {ended.errors!r}"
        lines = [line for line in ended.errors.splitlines() if line.startswith("error:")]
        names = [Path(file).name for file in writer.files] + ["mnist"] * ("cache" in writer.files[0])
        names += [f"{Path(file).parts[0]}: " for file in writer.files if "/" in file]  # a folder that appears whole
        if ended.status != 2 or len(lines) != 1 or not any(name in lines[0] for name in names):
            return f"status {ended.status}, {ended.errors!r}"
        return self._compare_old(writer, before)

    def _prepare(self, writer: Writer, old: bool) -> dict[str, bytes]:
        """Make the folder as it is before a run, and return its files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        if (old and writer.words[0] == "train") or (old and writer.words[0] in ("inspect", "parity")):
            self._run(writer, None)
        elif old:
            for file in writer.files:
                (self.folder / file).write_bytes(b"old")
        return {str(path): (self.folder / path).read_bytes() for path in self._list()}

    def _run(self, writer: Writer, fault: dict[str, int] | None) -> Ended:
        return self.zygote.run(writer.words, self.folder, fault=fault, prelude=writer.prelude)

    def _list(self) -> list[Path]:
        return [path.relative_to(self.folder) for path in self.folder.rglob("*") if not path.is_dir()]

    def _compare(self, writer: Writer, ended: Ended) -> str | None:
        for file, right in zip(writer.files, self.right_of(writer), strict=True):
            path = self.folder / file
            if not path.exists() or (file != "a.jsonl" and writer.read(path) != right):
                return f"status 0, yet {file} is not what it should be; {ended.errors!r}"
        return None

    def right_of(self, writer: Writer) -> list[object]:
        return next(self.right[name] for name, other in self.writers.items() if other is writer)

    def _compare_old(self, writer: Writer, before: dict[str, bytes]) -> str | None:
        for file in writer.files:
            path = self.folder / file
            content = path.read_bytes() if path.exists() else None
            if content == before.get(file):
                continue
            if writer.words[0] != "train":
                return f"{file} is neither old nor right"
            if file == "a.jsonl" and (content is None or not content.endswith(b"\n")):
                return f"{file} has half a line, or is gone"
            if file == "w.h5":
                return self._resume(writer)
        return None

    def _resume(self, writer: Writer) -> str | None:
        """Let the training go on from the file that a failed one left."""
        try:
            ended = self.zygote.run(go_on(), self.folder)
            right = writer.read(self.folder / "w.h5") == self.right_of(writer)[0]
        except (CnnkitError, OSError) as error:
            return f"w.h5 cannot be read: {error}"
        return None if ended.status == 0 and right else f"resumed otherwise: {ended.errors!r}"


TRIAL = Trial(
    "failing-calls",
    "each open, write, fsync, close, rename, link, unlink, mkdir of each writer fails, by each of 5 errors",
    "one line and the old file, or a right one; nothing left over",
    fail_calls,
    short=5,
    usual=300,
    long=100_000,
    needs=("linux", "gcc"),
)
