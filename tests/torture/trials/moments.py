"""Every moment of a program's life gets a signal, in steps of 10 ms: from its first line of Python to its last."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from torture.striking import heed_signals, strike, wait_for_handlers
from torture.struck import Ended
from torture.tiny_training import begin
from torture.trial import Budget, Found, Trial
from torture.trials.interrupts import find_fault

_STEP = 0.01
_FEW = 50  # attempts, below which a run is to be short
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def sweep_moments(budget: Budget) -> Found:
    found, rng = Found(), random.Random(budget.seed)
    home = budget.folder / "home"
    home.mkdir()
    train = begin(home, "numpy")
    _run(train, home)
    source = home / "w.h5"
    commands = {
        "train": train, "export": ["export", str(source), "-o", "a.npz"],
        "inspect": ["inspect", str(source)], "html": ["inspect", str(source), "--html", "a.html"],
        "print": ["export", str(source), "-f", "txt", "-o", "-"],
    }  # fmt: skip
    names = list(commands)[: 2 if budget.count < _FEW else None]
    lasting = {name: _run(commands[name], _make(budget, f"whole-{name}")).seconds for name in names}
    moments = [(name, k * _STEP) for name, lasts in lasting.items() for k in range(int(1.1 * lasts / _STEP) + 2)]
    rng.shuffle(moments)
    end, late = time.monotonic() + budget.seconds, 0
    for name, after in (moments * (1 + budget.count // len(moments)))[: budget.count]:
        if time.monotonic() > end:
            break
        found.attempts += 1
        number, folder = rng.choice(_SIGNALS), _make(budget, f"{found.attempts}")
        ended = _run(commands[name], folder, after, number, twice=rng.random() < 0.5)
        late += not ended.struck
        fault = find_fault(ended, number)
        left = [entry.name for entry in folder.rglob("*") if entry.name not in ("tmp", "w.h5", "a.html", "a.npz")]
        if fault or left or ended.seconds > 10:
            what = f"{name}, {signal.Signals(number).name} after {after:.2f} s"
            found.faults.append(f"{what}: {fault} {left or ''} {ended.seconds:.1f} s")
    found.figures = {"moments in all": len(moments), "after the work was done": late}
    return found


def _make(budget: Budget, name: str) -> Path:
    folder = budget.folder / name
    (folder / "tmp").mkdir(parents=True)
    return folder


def _run(
    words: list[str], folder: Path, after: float | None = None, number: int = signal.SIGTERM, twice: bool = False
) -> Ended:
    """Run the program, and send it the signal so many seconds after its handlers stand."""
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "cnnkit.cli", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=os.environ | {"TMPDIR": str(folder / "tmp"), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 (no thread runs here)
        )
        struck = False
        if after is not None:
            wait_for_handlers(process.pid)
            time.sleep(after)
            struck = process.poll() is None and strike(process.pid, number)
            if twice and process.poll() is None:
                process.send_signal(number)
        status = process.wait(60)
        seconds = time.monotonic() - started - (after or 0)
        errors.seek(0)
        return Ended(status, struck, seconds, errors.read().decode(errors="replace"))


TRIAL = Trial(
    "moments",
    "a signal at each moment of train, inspect and export, in steps of 10 ms, once or twice",
    "one line, its status, nothing left over",
    sweep_moments,
    short=2,
    usual=300,
    long=3_000,
    needs=("linux",),
)
