"""A training that saves after each batch is killed, at random moments and calls, and resumed: nothing is lost."""

import random
import signal
import time

from cnnkit.errors import CnnkitError
from torture.struck import Ended, Zygote, start_zygote
from torture.tiny_training import begin, go_on, name_differences, read_all
from torture.trial import Budget, Found, Trial
from torture.trials.failing_calls import NO_FAULT, build_shim

_AT_CALLS = 0.5  # of the kills come at a system call, the others at any moment
_MOST_KILLS = 8  # of one training, before it may come to its end


def kill_trainings(budget: Budget, backend: str = "numpy") -> Found:
    """Kill trainings on a backend until the budget is used up."""
    found, rng = Found(), random.Random(budget.seed)
    end = time.monotonic() + budget.seconds
    found.figures = {"unreadable": 0, "wrong": 0, "left over": 0, "trainings": 0, "before the first save": 0}
    with start_zygote(budget.folder / "scratch", build_shim(budget.folder)) as zygote:
        home = budget.folder / "undisturbed"
        home.mkdir()
        command = begin(home, backend)
        zygote.run(command, home, imports=True)
        (home / "w.h5").unlink()
        undisturbed = zygote.run(command, home, fault=NO_FAULT)
        aim = read_all(home / "w.h5")
        while found.attempts < budget.count and time.monotonic() < end:
            _disturb(zygote, budget, found, rng, command, undisturbed, aim)
    return found


def _disturb(
    zygote: Zygote, budget: Budget, found: Found, rng: random.Random, command: list[str], undisturbed: Ended, aim: dict
) -> None:
    """Kill one training several times, let it come to its end, and compare."""
    folder = budget.folder / f"run{found.figures['trainings']}"
    folder.mkdir()
    path, kills = folder / "w.h5", rng.randint(1, _MOST_KILLS)
    found.figures["trainings"] += 1
    for _ in range(min(kills, budget.count - found.attempts)):
        words = go_on() if path.exists() else command
        if rng.random() < _AT_CALLS:
            ended = zygote.run(words, folder, fault=_choose_call(rng, undisturbed.counts))
        else:
            ended = zygote.run(words, folder, rng.uniform(0, 1.1 * undisturbed.seconds))
        if ended.status != -signal.SIGKILL:
            break
        found.attempts += 1
        if not path.exists():
            found.figures["before the first save"] += 1
            continue
        try:
            read_all(path)
        except CnnkitError as error:
            found.figures["unreadable"] += 1
            found.faults.append(f"kill {found.attempts}: unreadable: {error}")
            return
    ended = zygote.run(go_on() if path.exists() else command, folder)
    differs = name_differences(read_all(path), aim) if path.exists() else ["file"]
    if ended.status != 0 or differs:
        found.figures["wrong"] += 1
        found.faults.append(f"after kill {found.attempts}: status {ended.status}, other {differs}, {ended.errors!r}")
    left = sorted(entry.name for entry in folder.iterdir() if entry != path)
    if left:
        found.figures["left over"] += 1
        found.faults.append(f"after kill {found.attempts}: left over: {left}")
    path.unlink(missing_ok=True)


def _choose_call(rng: random.Random, counts: tuple[int, ...]) -> dict[str, int]:
    """Return a kill at one of the system calls of a training, each kind of call as often as the others."""
    call = rng.choice([call for call, count in enumerate(counts) if count])
    return {"call": call, "k": rng.randint(1, counts[call]), "error": -9, "short": 0}


TRIAL = Trial(
    "kills",
    "kill -9 at random moments of a training that saves after each batch, then --resume, on NumPy",
    "0 unreadable, 0 wrong, 0 left over",
    kill_trainings,
    short=6,
    usual=1_000,
    long=10_000,
    needs=("linux", "gcc"),
)
