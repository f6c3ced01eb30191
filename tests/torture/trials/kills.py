"""A training that saves after each batch is killed at random moments and resumed: nothing is lost or different."""

import random
import time

from cnnkit.errors import CnnkitError
from torture.tiny_training import begin, go_on, name_differences, read_all
from torture.trial import Budget, Found, Trial
from torture.zygote import Zygote, start_zygote

_MOST_KILLS = 8  # of one training, before it may come to its end


def kill_trainings(budget: Budget, backend: str = "numpy") -> Found:
    """Kill trainings on a backend until the budget is used up."""
    found, rng = Found(), random.Random(budget.seed)
    end = time.monotonic() + budget.seconds
    found.figures = {"unreadable": 0, "wrong": 0, "left over": 0, "trainings": 0, "before the first save": 0}
    with start_zygote(budget.folder / "scratch") as zygote:
        home = budget.folder / "undisturbed"
        home.mkdir()
        command = begin(home, backend)
        zygote.run(command, home, imports=True)
        (home / "w.h5").unlink()
        undisturbed = zygote.run(command, home)
        aim = read_all(home / "w.h5")
        while found.attempts < budget.count and time.monotonic() < end:
            _disturb(zygote, budget, found, rng, command, undisturbed.seconds, aim)
    return found


def _disturb(
    zygote: Zygote, budget: Budget, found: Found, rng: random.Random, command: list[str], seconds: float, aim: dict
) -> None:
    """Kill one training several times, let it come to its end, and compare."""
    folder = budget.folder / f"run{found.figures['trainings']}"
    folder.mkdir()
    path, kills = folder / "w.h5", rng.randint(1, _MOST_KILLS)
    found.figures["trainings"] += 1
    for _ in range(min(kills, budget.count - found.attempts)):
        ended = zygote.run(go_on() if path.exists() else command, folder, rng.uniform(0, 1.1 * seconds))
        if not ended.struck:
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


TRIAL = Trial(
    "kills",
    "kill -9 at random moments of a training that saves after each batch, then --resume, on NumPy",
    "0 unreadable, 0 wrong, 0 left over",
    kill_trainings,
    short=6,
    usual=1_000,
    long=10_000,
    needs=("linux",),
)
