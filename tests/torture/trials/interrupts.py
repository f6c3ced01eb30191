"""A training gets SIGINT, SIGTERM or SIGHUP at random moments: it stops whole, in one line, and is resumed exactly."""

import random
import signal
import time

from cnnkit.errors import CnnkitError
from torture.struck import Ended, start_zygote
from torture.tiny_training import begin, go_on, name_differences, read_all
from torture.trial import Budget, Found, Trial

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST = 6  # signals to one training


def interrupt_trainings(budget: Budget) -> Found:
    found, rng = Found(), random.Random(budget.seed)
    end = time.monotonic() + budget.seconds
    found.figures = {"swallowed": 0, "incomplete": 0, "not exact": 0}
    with start_zygote(budget.folder / "scratch") as zygote:
        home = budget.folder / "undisturbed"
        home.mkdir()
        command = begin(home, "numpy")
        zygote.run(command, home, imports=True)
        (home / "w.h5").unlink()
        undisturbed = zygote.run(command, home)
        aim, runs = read_all(home / "w.h5"), 0
        while found.attempts < budget.count and time.monotonic() < end:
            runs += 1
            folder = budget.folder / f"run{runs}"
            folder.mkdir()
            path = folder / "w.h5"
            for _ in range(min(rng.randint(1, _MOST), budget.count - found.attempts)):
                number = rng.choice(_SIGNALS)
                words, moment = go_on() if path.exists() else command, rng.uniform(0, 1.1 * undisturbed.seconds)
                ended = zygote.run(words, folder, moment, number)
                if not ended.struck:
                    break
                found.attempts += 1
                what = f"{signal.Signals(number).name} after {moment:.3f} s"
                fault = find_fault(ended, number)
                if fault:
                    found.figures["swallowed"] += 1
                    found.faults.append(f"{what}: {fault}")
                left = sorted(entry.name for entry in folder.iterdir() if entry != path)
                try:
                    whole = not path.exists() or bool(read_all(path))
                except CnnkitError as error:
                    whole, left = False, [*left, str(error)]
                if left or not whole:
                    found.figures["incomplete"] += 1
                    found.faults.append(f"{what}: {left}")
            zygote.run(go_on() if path.exists() else command, folder)
            differs = name_differences(read_all(path), aim)
            if differs:
                found.figures["not exact"] += 1
                found.faults.append(f"run {runs}: other {differs}")
    return found


def find_fault(ended: Ended, number: int) -> str | None:
    """Return what is wrong with how a run ended that got the signal: no or many lines, another status, a traceback."""
    lines = [line for line in ended.errors.splitlines() if line.startswith("error:")]
    for words in ("Traceback", "Exception ignored", "Error in"):
        if words in ended.errors:
            return f"{words}: {ended.errors[-300:]!r}"
    if not ended.struck:  # the work was done, and told
        return None if ended.status == 0 and not lines else f"status {ended.status}, {lines} after the end"
    if ended.status != 128 + number:
        return f"status {ended.status}: {ended.errors[-300:]!r}"
    word = "interrupted" if number == signal.SIGINT else "terminated"
    if lines != [f"error: {word}"] and not (len(lines) == 1 and lines[0].startswith("error: stopped; everything")):
        return f"lines {lines}"
    return None


TRIAL = Trial(
    "interrupts",
    "SIGINT, SIGTERM or SIGHUP at random moments of a training, then --resume",
    "0 swallowed, 0 incomplete, resumed exactly",
    interrupt_trainings,
    short=5,
    usual=300,
    long=10_000,
    needs=("linux",),
)
