"""The differences of two trainings: options, data, history and final figures. Times are ignored."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable

_TIMES = ("seconds", "images_per_second")
_OWN = ("history", "run", "architecture", "exported_from")


class Change(NamedTuple):
    """A difference: its path, and the two values, None where missing."""

    what: str
    a: Any
    b: Any

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit diff --runs --json` prints."""
        return {"what": printable(self.what), "a": _to_printable(self.a), "b": _to_printable(self.b)}


def compare_runs(a: WeightFile, b: WeightFile) -> list[Change]:
    """Return the differences of the trainings behind two files, in the order: settings, history, final figures."""
    settings = itertools.chain(
        _compare("run", a.metadata.get("run"), b.metadata.get("run")),
        _compare("metadata", _drop_own(a.metadata), _drop_own(b.metadata)),
    )
    return [*settings, *_compare_history(_read_history(a), _read_history(b))]


def _drop_own(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _OWN}


def _read_history(file: WeightFile) -> list[Any]:
    history = file.metadata.get("history")
    return history if isinstance(history, list) else []


def _compare_history(a: list[Any], b: list[Any]) -> Iterator[Change]:
    """Yield the number of epochs, the first epoch whose figures differ, and the last figures of both."""
    if len(a) != len(b):
        yield Change("history.epochs", len(a), len(b))
    for number, (mine, its) in enumerate(zip(a, b, strict=False), 1):
        changed = list(_compare(f"history.epoch {number}", _drop_times(mine), _drop_times(its)))
        yield from changed
        if changed:
            break
    if a and b:
        yield from _compare("final", _drop_times(a[-1]), _drop_times(b[-1]))


def _drop_times(epoch: Any) -> Any:
    if not isinstance(epoch, Mapping):
        return epoch
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


def _to_printable(value: Any) -> Any:
    """Return a value for printing: numbers unchanged, everything else as one short line."""
    return value if value is None or isinstance(value, int | float) else printable(str(value), 120)
