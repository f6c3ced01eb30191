"""What a weight file tells of its maker: names of data and files, the machine, and anything that looks like a path."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.files.names import printable

_PLACES = {
    ("data", "name"), ("data", "path"), ("run", "data", "name"), ("run", "threads"), ("exported_from", "file"),
    ("sample", "name"),    ("provenance", "device"), ("provenance", "threads"), ("provenance", "versions"),
    ("provenance", "engine"),
}  # fmt: skip
_KEYS = {"author", "created", "date", "date_saved", "doc_string", "host", "hostname", "producer", "user", "username"}
# An absolute path of Unix or Windows, a home, a share, an address: anywhere in a text.
_PERSONAL = re.compile(r"(^|[\s\"'=(:,])(~?/[^/\s]+/|~[/\\]|[A-Za-z]:[\\/]|\\\\\w)|file://|[^\s@]@[^\s@]")
_DEEPEST = 40
Path = tuple[str, ...]


def describe_maker(weights: WeightFile, public: Collection[str] = ()) -> dict[str, str]:
    """Return what the file tells of its maker, {"data.path": "../imgs", ...}.

    public: texts that tell nothing, such as the names of well-known data sets.
    """
    facts = _find(weights.metadata, (), public)
    return {printable(".".join(path), 120): printable(str(value), 200) for path, value in facts}


def drop_maker(weights: WeightFile, public: Collection[str] = ()) -> WeightFile:
    """Return the file without what `describe_maker` tells."""
    told = {path for path, _ in _find(weights.metadata, (), public)}
    return replace(weights, metadata=_without(weights.metadata, (), told))


def _find(value: Any, path: Path, public: Collection[str]) -> Iterator[tuple[Path, Any]]:
    """Yield the values that tell of the maker, with their places in the metadata; class names are the network's."""
    if path == ("class_names",):
        return
    if len(path) >= _DEEPEST and isinstance(value, Mapping | list) and value:
        yield path, "nested too deeply to be looked through"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _find(item, (*path, str(key)), public)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find(item, (*path, str(index)), public)
    elif value not in (None, "") and not (isinstance(value, str) and value in public):
        named = path in _PLACES or path[:-1] in _PLACES or (bool(path) and path[-1].lower() in _KEYS)
        if named or (isinstance(value, str) and _PERSONAL.search(value)):
            yield path, value


def _without(value: Any, path: Path, told: set[Path]) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without(item, (*path, str(key)), told) for key, item in value.items()}
        return {key: item for key, item in kept.items() if (*path, str(key)) not in told}
    if isinstance(value, list):
        kept_items = [_without(item, (*path, str(index)), told) for index, item in enumerate(value)]
        return [item for index, item in enumerate(kept_items) if (*path, str(index)) not in told]
    return value
