"""Files of ever more small tensors go through inspect, diff and export: the work grows as they do, within bounds."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from hostile.small_tensors import WRITERS

from torture.program import run_cnnkit
from torture.trial import Budget, Found, Trial

_PEAK, _LIMIT = 256, 300.0  # MiB; seconds of one run, which a busy machine may need
_SECONDS = {"inspect --no-stats": 5.0, "inspect": 15.0, "diff": 20.0, "export": 20.0}  # of CPU for 100,000 tensors
_LEAST = 4.0  # seconds that any run may take
_FEW = 4  # times fewer tensors
_MOST_GROWTH = 1.8 * _FEW
_NAMES = [name for name in WRITERS if "h5" not in name]  # HDF5 is read in a process with limits of its own


def list_commands(name: str, short: bool) -> dict[str, list[str]]:
    """Return {what is done: arguments}."""
    more = ["--external"] if "tfjs" in name else []
    all_of_them = {
        "inspect": ["inspect", name, *more],
        "export": ["export", name, "-o", "out.npz", "--overwrite", *more],
        "inspect --no-stats": ["inspect", name, "--no-stats", *more],
        "diff": ["diff", name, name, *more],
    }
    return dict(list(all_of_them.items())[: 2 if short else None])


def try_many(budget: Budget) -> Found:
    """Spend one attempt on each format in turn, with 100,000 tensors, or with 2,000 when the attempts are few."""
    found, end = Found(), time.monotonic() + budget.seconds
    most = 100_000 if budget.count >= len(_NAMES) else 2_000
    names = _NAMES[: budget.count]
    for name in names:
        if time.monotonic() > end:
            break
        found.attempts += 1
        found.faults += try_format(budget.folder, name, most, found.figures)
    found.figures["tensors"] = most
    return found


def try_format(folder: Path, name: str, most: int, figures: dict[str, float | int | str]) -> Iterator[str]:
    """Yield what was wrong with the commands on one format; note the largest figures."""
    writer, spent, short = WRITERS[name], dict[str, float](), most < 100_000
    writer(folder / name, 2)
    start = measure(folder, list_commands(name, short)["inspect"])[0]
    for count in (most // _FEW, most):
        writer(folder / name, count)
        for what, arguments in list_commands(name, short).items():
            seconds, fault, peak = measure(folder, arguments)
            if fault is not None:
                yield fault
                continue
            few, spent[what] = spent.get(what), max(seconds - start, 0.01)
            figures[f"{what}, s"] = round(max(float(figures.get(f"{what}, s", 0)), seconds), 1)
            figures["peak, MiB"] = max(int(figures.get("peak, MiB", 0)), peak)
            if peak > _PEAK:
                yield f"{name}, {count:,} tensors, {what}: {peak} MiB, more than {_PEAK}"
            if seconds > max(_SECONDS[what] * count / 100_000, _LEAST):
                yield f"{name}, {count:,} tensors, {what}: {seconds:.1f} s of CPU"
            if few is not None and spent[what] > _MOST_GROWTH * max(few, 0.3):
                yield f"{name}, {what}: {spent[what]:.1f} s where {_FEW} times fewer tensors took {few:.1f} s"


def measure(folder: Path, arguments: list[str]) -> tuple[float, str | None, int]:
    """Run a command; return (seconds of CPU, what is wrong or None, MiB at its peak).

    CPU, because the wall's clock tells how busy the machine is.
    """
    before = os.times()  # counts what child processes took, once they have ended
    outcome = run_cnnkit(arguments, folder, _LIMIT)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, outcome.find_fault((0,)), outcome.peak >> 20


TRIAL = Trial(
    "many-tensors",
    "100,000 tensors of each format through inspect, diff and export",
    f"linear, at most {_PEAK} MiB; inspect within 5 s, with statistics 15 s",
    try_many,
    short=1,
    usual=len(_NAMES),
    long=len(_NAMES),
)
