"""The differences of two trainings: options, data, history, figures of the weights in the file. Times are ignored."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cnnkit.exporters.core.kept_epoch import list_history, read_kept_epoch
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable

_TIMES = ("seconds", "images_per_second")
_OWN = ("history", "kept", "test", "run", "architecture", "exported_from")


class Change(NamedTuple):
    """A difference: its path, and the two values, None where missing."""

    what: str
    a: Any
    b: Any

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit diff --runs --json` prints."""
        return {"what": self.what, "a": _shorten(self.a), "b": _shorten(self.b)}


def compare_runs(a: WeightFile, b: WeightFile) -> list[Change]:
    """Return the differences of the trainings behind two files: settings, history, figures of the kept weights."""
    settings = itertools.chain(
        _compare("run", a.metadata.get("run"), b.metadata.get("run")),
        _compare("metadata", _drop_own(a.metadata), _drop_own(b.metadata)),
    )
    return [*settings, *_compare_history(list_history(a.metadata), list_history(b.metadata)), *_compare_kept(a, b)]


def _drop_own(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _OWN}


def _compare_history(a: list[Any], b: list[Any]) -> Iterator[Change]:
    """Yield the number of epochs, and the first epoch whose figures differ."""
    if len(a) != len(b):
        yield Change("history.epochs", len(a), len(b))
    for number, (mine, its) in enumerate(zip(a, b, strict=False), 1):
        changed = list(_compare(f"history.epoch {number}", _drop_times(mine), _drop_times(its)))
        yield from changed
        if changed:
            break


def _compare_kept(a: WeightFile, b: WeightFile) -> Iterator[Change]:
    """Yield the differences of the epoch whose weights the files hold, and of its figures."""
    mine, its = read_kept_epoch(a.metadata), read_kept_epoch(b.metadata)
    if mine is None or its is None:
        return
    left_out = {"epochs"} if mine.test and its.test else {"epochs", "test"}  # no test is no difference
    first, second = ({k: v for k, v in kept.to_json().items() if k not in left_out} for kept in (mine, its))
    yield from _compare("final", first, second)


def _drop_times(epoch: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in epoch.items() if key not in _TIMES}


def _compare(path: str, a: Any, b: Any, depth: int = 0) -> Iterator[Change]:
    if a == b:
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and depth < 20:
        for key in dict.fromkeys((*a, *b)):
            yield from _compare(f"{path}.{key}", a.get(key), b.get(key), depth + 1)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and depth < 20:
        for index, (mine, its) in enumerate(zip(a, b, strict=True)):
            yield from _compare(f"{path}[{index}]", mine, its, depth + 1)
    else:
        yield Change(path, a, b)


def _shorten(value: Any) -> Any:
    """Return a value for printing: numbers unchanged, everything else as one short line."""
    return value if value is None or isinstance(value, int | float) else printable(str(value), 120)
