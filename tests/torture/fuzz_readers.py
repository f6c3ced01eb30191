"""Coverage-guided fuzzing of one reader, where atheris installs (Linux, `pip install atheris`):

    PYTHONPATH=tests python tests/torture/fuzz_readers.py SEED FOLDER [SECONDS]

SEED: the name of a seed of `torture.mutation`, or the begin of several names. FOLDER: keeps what reached new code, and
every input that went wrong, as fault-N. Seeds of several files are changed in the one that is named to cnnkit.
"""

import importlib
import pkgutil
import random
import sys
import tempfile
import time
from pathlib import Path

import atheris

_WATCHED = ("cnnkit.exporters", "cnnkit.files", "cnnkit.data")
_LIMIT = 1 << 16
_FRAMED = 0.5  # of all changes are by those that close frames again, the rest by libFuzzer


def _watch() -> None:
    """Import the readers so that atheris sees which of their lines an input reaches."""
    with atheris.instrument_imports(include=list(_WATCHED), enable_loader_override=False):
        for room in _WATCHED:
            for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
                importlib.import_module(module.name)


_watch()  # before anything else imports them
from torture.mutation.mutants import change_seed  # noqa: E402
from torture.mutation.probe import probe  # noqa: E402
from torture.mutation.seed import Seed, load_seeds  # noqa: E402


class Fuzzer:
    """Feeds inputs to the reader of some seeds, and keeps those that go wrong."""

    def __init__(self, name: str, folder: Path, scratch: Path) -> None:
        self.seeds = [seed for seed in load_seeds() if seed.name.startswith(name)]
        if not self.seeds:
            sys.exit(f"no seed {name}: choose one of {', '.join(seed.name for seed in load_seeds())}")
        self.folder, self.scratch = folder, scratch
        self.known: set[str] = set()
        self.seed = self.seeds[0]
        self.place = self.seed.main or next(iter(self.seed.files))
        for number, seed in enumerate(self.seeds):
            (folder / f"seed-{number}").write_bytes(seed.files[seed.main or next(iter(seed.files))])

    def try_one(self, data: bytes) -> None:
        path = self.seed.mutate(self.place, data).write(self.scratch)
        verdict = probe(path, self.seed.door)
        fault = verdict.fault or (verdict.accident and f"text of an accident: {verdict.accident}")
        if fault is None or fault in self.known:
            return
        self.known.add(fault)
        name = self.folder / f"fault-{len(self.known)}"
        name.write_bytes(data)
        print(f"FAULT {self.seed.name} ({len(data)} bytes, {name}): {fault}", flush=True)

    def change(self, data: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < _FRAMED:
            try:
                seed = Seed.of(self.seed.name, self.seed.door, self.place, data)
                return change_seed(seed, rng, rng.choice(self.seeds)).seed.files[self.place][:most]
            except Exception:  # of data that its frame no longer fits
                pass
        return bytes(atheris.Mutate(data, most))


def main() -> None:
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), int((*sys.argv, "60")[3])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        fuzzer = Fuzzer(name, folder, Path(scratch))
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={_LIMIT}",
            "-timeout=20",
            "-rss_limit_mb=3000",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, str(folder)], fuzzer.try_one, custom_mutator=fuzzer.change)
        started = time.monotonic()
        print(f"{name}: {seconds} s from {started:.0f}", flush=True)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
