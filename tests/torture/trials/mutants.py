"""Mutants of small valid files of every format are read: as values, or refused in one line; never anything else."""

import functools
import os
import time
from pathlib import Path

from torture.mutation.commands import find_command_fault
from torture.mutation.mutants import Mutant, make_mutant
from torture.mutation.oracles import find_difference
from torture.mutation.probe import Verdict, probe
from torture.mutation.seed import load_seeds
from torture.mutation.workers import Tally, try_all
from torture.trial import Budget, Found, Trial

_ONE_IN = 200  # mutants goes through the commands too


def try_mutants(budget: Budget) -> Found:
    """Mutant N of seed S can be made again: `make_mutant(S, N)`."""
    found = Found(faults=_find_bad_seeds(budget.folder))
    started = time.monotonic()
    make = functools.partial(make_mutant, budget.seed)
    tally = try_all(make, budget.count, budget.folder, started + budget.seconds, further=_look_further)
    found.attempts, found.faults = tally.done, found.faults + tally.faults
    found.figures = {
        "mutants per second": round(tally.done / (time.monotonic() - started)),
        "most memory of a mutant, MiB": tally.growth >> 20,
        "processes": os.cpu_count() or 1,
        "texts of accidents": sum(tally.accidents.values()),
        **_count_by_format(tally),
    }
    return found


def _find_bad_seeds(folder: Path) -> list[str]:
    """Return the seeds that are not read, of which a mutant would say nothing."""
    bad = []
    for number, seed in enumerate(load_seeds()):
        verdict = probe(seed.write(folder / f"seed-{number}"), seed.door)
        if verdict.read == seed.name.startswith("unread") or verdict.fault is not None:
            bad.append(f"seed {seed.name}: {verdict.fault or 'not as it should be'}")
    return bad


def _look_further(path: Path, mutant: Mutant, verdict: Verdict, number: int) -> str | None:
    difference = find_difference(path, verdict.weights) if verdict.weights is not None else None
    if difference is None and number % _ONE_IN == 0:
        return find_command_fault(path, mutant.seed.door)
    return difference


def _count_by_format(tally: Tally) -> dict[str, str]:
    """Return {format: "read, refused"}; the seeds of a format have names that begin alike."""
    counts: dict[str, list[int]] = {}
    for at, names in enumerate((tally.read, tally.refused)):
        for name, count in names.items():
            parts = name.split("-")
            form = "-".join(parts[:2]) if parts[0] == "data" else parts[0]
            counts.setdefault(form, [0, 0])[at] += count
    return {form: f"{read} read, {refused} refused" for form, (read, refused) in sorted(counts.items())}


TRIAL = Trial(
    "mutants",
    "mutants of small files of every format, by every reader",
    "read, or refused in one line; nothing else",
    try_mutants,
    short=300,
    usual=20_000,
    long=1_000_000,
    needs=("linux", "torch", "safetensors", "scipy", "joblib", "flatbuffers", "PIL"),
)
