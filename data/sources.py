"""From a name or a path to a data set: known names, then CNNKIT_DATA_DIR, the user's cache, the path itself."""

import difflib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cnnkit.data.builtin import bright_dark, digits
from cnnkit.data.catalogue import CLASS_NAMES, DOWNLOADS, KNOWN, LICENCES, KnownSet
from cnnkit.data.dataset import Dataset
from cnnkit.data.fetching import cache_folder
from cnnkit.data.idx_reader import idx_files, read_idx_folder
from cnnkit.data.made.datasets import (
    composed_digits,
    digit_sums,
    digits_28,
    multi_digits,
    noisy_digits,
    shapes_32,
    signals,
)
from cnnkit.data.npz_reader import read_npz
from cnnkit.data.reading import Reading
from cnnkit.data.recognition import read_path
from cnnkit.data.refusal import refuse
from cnnkit.files.names import printable

_COMPUTED = "computed on demand"
BUILTIN: dict[str, tuple[str, Callable[[], Dataset]]] = {
    "digits": ("ships with cnnkit", digits),
    "bright-dark": (_COMPUTED, bright_dark),
    "digits-28": (_COMPUTED, digits_28),
    "noisy-digits": (_COMPUTED, noisy_digits),
    "composed-digits": (_COMPUTED, composed_digits),
    "multi-digits": (_COMPUTED, multi_digits),
    "digit-sums": (_COMPUTED, digit_sums),
    "signals": (_COMPUTED, signals),
    "shapes-32": (_COMPUTED, shapes_32),
}
_SUFFIXES = ("", ".npz", ".csv", ".csv.gz", ".h5", ".hdf5")


def load(source: str | os.PathLike[str], reading: Reading | None = None, fallback: Reading | None = None) -> Dataset:
    """Return the data set with the name or at the path `source`; write ./digits for a folder called digits.

    reading   how it is read; what the source has no use for is refused
    fallback  how it is read where `reading` does not say, as far as the source has a use for it

    Raises DataError when nothing has that name, or it cannot be used.
    """
    name, told, otherwise = os.fspath(source), reading or Reading(), fallback or Reading()
    if name in BUILTIN or name in DOWNLOADS:
        told.require_used(name, (), "arrays of one size")
        return BUILTIN[name][1]() if name in BUILTIN else _load_fetched(name)
    return read_path(name, _require(name), told, otherwise)


def is_known(name: str) -> bool:
    """Return whether a data set is known by this name, as "mnist" is."""
    return name in BUILTIN or name in DOWNLOADS


def is_builtin(name: str) -> bool:
    """Return whether a data set is known by this name, and needs no file."""
    return name in BUILTIN


def known() -> tuple[KnownSet, ...]:
    """Return the data sets known by name, each with its location, None where it must be downloaded first."""
    return tuple(entry.at(_location(entry.name)) for entry in KNOWN)


def _location(name: str) -> str | None:
    if name in BUILTIN:
        return BUILTIN[name][0]
    path = _find_fetched(name)
    return None if path is None else str(path)


def _load_fetched(name: str) -> Dataset:
    path = _find_fetched(name)
    if path is None:
        places = " or ".join(printable(str(folder)) for folder in _folders()) or "CNNKIT_DATA_DIR, which is not set"
        hint = f"type `cnnkit data fetch {name}`, or set CNNKIT_DATA_DIR to the folder that holds it"
        raise refuse(name, f"{name}.npz or its four IDX files in {places}", "neither", hint)
    read = read_idx_folder if path.is_dir() else read_npz
    return read(name, path, class_names=CLASS_NAMES[name], licence=LICENCES[name])


def _find_fetched(name: str) -> Path | None:
    for folder in _folders():
        if (folder / f"{name}.npz").is_file():
            return folder / f"{name}.npz"
        if idx_files(folder / name):
            return folder / name
        if name == "mnist" and idx_files(folder):
            return folder
    return None


def _folders() -> Iterator[Path]:
    chosen = os.environ.get("CNNKIT_DATA_DIR")
    if chosen:
        yield Path(chosen)
    cache = cache_folder()  # last: it imports pooch
    if cache is not None:
        yield cache


def find(source: str) -> Path | None:
    """Return the file or folder that `load` reads for a source that is not known by name; None where there is none."""
    path = Path(source)
    try:
        return next((place for place in _places(source, path) if place.exists()), None)
    except (OSError, ValueError):  # a name that is too long, a folder without permission, a zero byte
        return None


def _require(source: str) -> Path:
    found, path = find(source), Path(source)
    if found is not None:
        return found
    try:
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError):
        beside = []
    near = difflib.get_close_matches(path.name, [*(entry.name for entry in KNOWN), *beside], 1)
    hint = f"did you mean {printable(near[0])}?" if near else "look at the path, or type `cnnkit data list`"
    raise refuse(source or "''", "a data set's name, a file or a folder", "nothing of that name", hint)


def _places(source: str, path: Path) -> Iterator[Path]:
    if path.name == source and source:  # a bare name, no folder in it
        for folder in _folders():
            yield from (folder / (source + suffix) for suffix in _SUFFIXES)
    if source:
        yield path
