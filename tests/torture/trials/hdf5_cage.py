"""Damaged HDF5 through the readers of weights and of data sets: what libhdf5 does with it stays in the worker."""

import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from hostile.hdf5_bytes import put, sum_lookup3
from hostile.hdf5_files import build

from cnnkit import data, exporters
from cnnkit.errors import CnnkitError
from cnnkit.files.hdf5.request import list_protections
from cnnkit.files.hdf5.worker_process import WORKER
from torture.trial import Budget, Found, Trial

_SECONDS, _PEAK = 5.0, 200 << 20  # of the worker; with the process that reads it stays below 256 MiB
_EDGES = (0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1)
_MARKS = (b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"BTHD", b"BTLF", b"FRHP", b"FHDB", b"FAHD", b"EAHD")
_SUMMED = {b"BTHD": 38, b"FRHP": 146, b"FAHD": 28, b"EAHD": 72}


def damage_hdf5(budget: Budget) -> Found:
    found, rng, ends = Found(), random.Random(budget.seed), Counter[str]()
    seeds = {(variant, modern): build(variant, modern) for variant in ("foreign", "own", "data") for modern in (0, 1)}
    slowest, peak, path = 0.0, 0, budget.folder / "mutant.h5"
    list_protections()
    before, end = _measure_self(), time.monotonic() + budget.seconds
    while found.attempts < budget.count and time.monotonic() < end:
        (variant, modern), content = rng.choice(list(seeds.items()))
        path.write_bytes(_mutate(bytes(content), rng))
        found.attempts += 1
        started = time.process_time(), time.monotonic()
        try:
            _read(path, variant)
            ends["read"] += 1
        except CnnkitError as error:
            ends[_classify(str(error))] += 1
        except Exception as error:
            found.faults.append(f"mutant {found.attempts} of {variant}, {modern}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.monotonic() - started[1])
        if time.monotonic() - started[1] > _SECONDS:
            found.faults.append(
                f"mutant {found.attempts} of {variant}, {modern}: {time.monotonic() - started[1]:.1f} s"
            )
        peak = max(peak, _measure_worker())
        if peak > _PEAK:
            found.faults.append(f"mutant {found.attempts} of {variant}, {modern}: the worker takes {peak >> 20} MiB")
    found.figures |= dict(ends) | {"slowest, s": round(slowest, 1), "worker's peak, MiB": peak >> 20}
    found.figures["growth of this process, MiB"] = (_measure_self() - before) >> 20
    return found


def _read(path: Path, variant: str) -> None:
    if variant == "data":
        dataset = data.load(str(path))
        dataset.train.take(np.arange(min(len(dataset.train), 64)))
        return
    for tensor in exporters.read(path):
        if tensor.nbytes < 1 << 26:
            tensor.read()


def _mutate(content: bytes, rng: random.Random) -> bytes:
    """Change one to three places: any byte, or a number in a structure, whose checksum is then set right."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        mark = rng.choice(_MARKS)
        places = (
            [place for place in range(len(content)) if content.startswith(mark, place)] if rng.random() < 0.6 else []
        )
        if not places:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            continue
        place = rng.choice(places)
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice((*_EDGES, place, rng.randrange(len(content)), rng.getrandbits(64)))
        put(changed, min(place + rng.randrange(4, 140), len(changed) - 8), value, size)
        if mark in _SUMMED:
            last = place + _SUMMED[mark] - 4
            put(changed, last, sum_lookup3(changed[place:last]), 4)
    return bytes(changed[: len(content)])


def _classify(line: str) -> str:
    return next((word for word in ("crashes", "takes too long", "memory") if word in line), "refused")


def _measure_worker() -> int:
    """Return the most memory that the worker has held, in bytes; 0 where it has ended, or /proc is missing."""
    process = WORKER._process
    try:
        status = Path(f"/proc/{process.pid if process else 0}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def _measure_self() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


TRIAL = Trial(
    "hdf5-cage",
    "damaged HDF5 read as weights and as data sets",
    "no crash of the process that reads, none longer than 5 s, the worker below 200 MiB",
    damage_hdf5,
    short=60,
    usual=3_000,
    long=100_000,
    needs=("linux",),
)
