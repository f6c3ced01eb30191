"""Mutant number N of a run: always the same one, so that a fault can be made again from its number."""

import random
from collections.abc import Callable
from typing import NamedTuple

from torture.mutation import framed
from torture.mutation.hdf5_objects import change_hdf5
from torture.mutation.pickles import change_pickle
from torture.mutation.protobuf import change_message
from torture.mutation.raw_bytes import change_bytes
from torture.mutation.seed import Seed, load_seeds
from torture.mutation.texts import change_json, change_text

Change = Callable[[bytes, random.Random], bytes]
_TEXTS = (".txt", ".csv")
_BY_FORMAT = 0.8  # of the mutants: each format as often as another; of the rest, each seed
_BLIND = 0.45  # of the mutants are changed without knowledge of the format


class Mutant(NamedTuple):
    """A changed seed, and how it was changed."""

    seed: Seed
    change: str


def make_mutant(run: int, number: int, only: str = "") -> Mutant:
    """Return mutant `number` of a run; only: of seeds whose names begin so."""
    rng = random.Random(f"{run}:{number}")
    seeds = [seed for seed in load_seeds() if seed.name.startswith(only)]
    begins = sorted({seed.name.partition("-")[0] for seed in seeds}) if rng.random() < _BY_FORMAT else [only]
    begin = rng.choice(begins)
    seed = rng.choice([seed for seed in seeds if seed.name.startswith(begin)])
    return change_seed(seed, rng, rng.choice(seeds))


def change_seed(seed: Seed, rng: random.Random, other: Seed) -> Mutant:
    """Return `seed` with one of its files changed, perhaps by parts of `other`."""
    place = rng.choice(list(seed.files))
    content = seed.files[place]
    change = find_change(place, content)
    if change is None or rng.random() < _BLIND:
        spare = rng.choice(list(other.files.values()))
        return Mutant(seed.mutate(place, change_bytes(content, rng, spare)), "change_bytes")
    return Mutant(seed.mutate(place, change(content, rng)), change.__name__)


def find_change(place: str, content: bytes) -> Change | None:
    """Return the change that knows this kind of file; None where none does."""
    if content.startswith(b"PK\3\4"):
        return framed.change_zip
    if b"\x89HDF\r\n\x1a\n" in content[:2056]:
        return change_hdf5
    if content.startswith(b"\x1f\x8b"):
        return _change_packed_text if place.endswith(".csv.gz") else _change_packed
    if content.startswith(b"MATLAB 5"):
        return framed.change_matlab
    by_begin = {b"\x93NUMPY": framed.change_npy, b"\x89PNG": framed.change_png, b"{": change_json}
    for begin, change in by_begin.items():
        if content.startswith(begin):
            return change
    by_end = {
        ".safetensors": framed.change_safetensors, ".svg": framed.change_svg, ".onnx": change_message,
        ".pt": change_pickle, ".pkl": change_pickle, ".joblib": change_pickle, ".pth": change_pickle,
    } | dict.fromkeys(_TEXTS, change_text)  # fmt: skip
    return next((change for end, change in by_end.items() if place.endswith(end)), None)


def _change_packed(content: bytes, rng: random.Random) -> bytes:
    return framed.change_gzip(content, rng, lambda data, rng: change_bytes(data, rng, data))


def _change_packed_text(content: bytes, rng: random.Random) -> bytes:
    return framed.change_gzip(content, rng, change_text)
