"""Pairs of tensors of two files: by name, by layer, or by the order of layers of the same form."""

import functools
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.inspection.layouts import find_transform

_PREFIXES = ("module.", "_orig_mod.", "model.")
_KINDS = ("parameter", "state", "other")


Key = Callable[[Tensor], Hashable]  # None: in no group


class Pair(NamedTuple):
    """Two tensors to compare, and how they were paired: name, layer, order or map."""

    a: Tensor
    b: Tensor
    paired_by: str


class Pairing(NamedTuple):
    """All pairs in the order of the first file, and the tensors without a partner."""

    pairs: tuple[Pair, ...]
    only_in_a: tuple[Tensor, ...]
    only_in_b: tuple[Tensor, ...]


def pair(a: WeightFile, b: WeightFile, names: Mapping[str, str] | None = None) -> Pairing:
    """Return the pairing of two files; `names` are pairs from the user. Optimizer tensors take no part.

    Raises ConfigError when a name in `names` does not exist.
    """
    pool = _Pool([t for t in a if t.kind in _KINDS], [t for t in b if t.kind in _KINDS])
    if names:
        sides = [{t.name: t for t in reversed(tensors)} for tensors in (pool.unpaired_a, pool.unpaired_b)]
        for mine, its in names.items():
            pool.take(_take_named(sides[0], mine, a), _take_named(sides[1], its, b), "map")
    pool.by_key(lambda tensor: (tensor.kind, tensor.name), "name", _may_share_name)
    pool.by_key(lambda tensor: (tensor.kind, _strip_prefixes(tensor.name)), "name", _may_share_name)
    pool.by_key(_layer_key, "layer", _may_share_name)
    folders = tuple(_find_common_folder(file) for file in (a, b))
    if any(folders):
        pool.by_key(lambda tensor: (tensor.kind, _strip_folders(tensor.name, folders)), "name", _may_share_name)
        pool.by_key(lambda tensor: _layer_key(tensor, folders), "layer", _may_share_name)
    for part in (-1, 0):
        pool.by_key(functools.partial(_part_key, part=part), "layer", _fits)
    pool.by_layers()
    pool.by_form(lambda tensor: (tensor.kind, tensor.role, tuple(sorted(tensor.shape))))
    for side in (0, 1):  # a known role goes with an unknown one, never with another
        pool.by_form(_form_key, unknown=side)
    pool.by_key(lambda tensor: (tensor.kind, _strip_prefixes(tensor.name)), "name")
    pool.by_roles()
    return pool.result(a)


def _take_named(tensors: dict[str, Tensor], name: str, file: WeightFile) -> Tensor:
    if name not in tensors:
        where = printable(str(file.file))
        raise ConfigError(f"--map: expected names of tensors, each once, got {printable(name, 60)!r}: not in {where}")
    return tensors.pop(name)


def _strip_prefixes(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.replace("/", ".")


def _find_common_folder(file: WeightFile) -> str:
    """Return "net." when the names of all parameters begin with it, as those of a net inside another do."""
    names = [_strip_prefixes(tensor.name) for tensor in file if tensor.kind == "parameter"]
    folder, dot, _ = names[0].partition(".") if names else ("", "", "")
    return folder + dot if dot and all(name.startswith(folder + dot) for name in names) else ""


def _strip_folders(name: str, folders: Iterable[str]) -> str:
    name = _strip_prefixes(name)
    return next((name.removeprefix(folder) for folder in folders if folder and name.startswith(folder)), name)


def _layer_key(tensor: Tensor, folders: Iterable[str] = ()) -> Hashable:
    return None if tensor.role == "other" else (_strip_folders(f"{tensor.layer}.", folders), tensor.role)


def _part_key(tensor: Tensor, part: int) -> Hashable:
    """Return the key of a layer that goes by the innermost (-1) or outermost (0) part of its path; no mere number."""
    name = _strip_prefixes(tensor.layer).split(".")[part]
    return None if tensor.role == "other" or not name or name.isdigit() else (name, tensor.role)


def _form_key(tensor: Tensor) -> Hashable:
    return tuple(sorted(tensor.shape)) if tensor.shape and tensor.kind != "other" else None


def _fits(a: Tensor, b: Tensor) -> bool:
    return find_transform(b, a) is not None


def _may_share_name(a: Tensor, b: Tensor) -> bool:
    """Return False for layers of the same number whose shapes do not fit: two nets count their layers differently."""
    numbered = all(part.isdigit() for part in _strip_prefixes(a.layer).split("."))
    return not numbered or _fits(a, b)


class _Pool:
    """The tensors without a partner so far, and the pairs."""

    def __init__(self, a: list[Tensor], b: list[Tensor]) -> None:
        self._a, self._b = {id(t): t for t in a}, {id(t): t for t in b}
        self._pairs = dict[int, Pair]()

    @property
    def unpaired_a(self) -> list[Tensor]:
        return list(self._a.values())

    @property
    def unpaired_b(self) -> list[Tensor]:
        return list(self._b.values())

    def take(self, a: Tensor, b: Tensor, how: str) -> None:
        del self._a[id(a)], self._b[id(b)]
        self._pairs[id(a)] = Pair(a, b, how)

    def by_key(self, key: Key, how: str, accept: Callable[[Tensor, Tensor], bool] = lambda a, b: True) -> None:  # noqa: ARG005
        """Pair tensors with the same key, where the key is unique on both sides and `accept` agrees."""
        mine, its = _group(self.unpaired_a, key), _group(self.unpaired_b, key)
        for value, tensors in mine.items():
            if len(tensors) == 1 == len(its.get(value, ())) and accept(tensors[0], its[value][0]):
                self.take(tensors[0], its[value][0], how)

    def by_layers(self) -> None:
        """Pair layers in order, each with the next layer whose tensors have the same roles and sizes."""
        theirs = dict[Hashable, deque[list[Tensor]]]()
        for layer in _group_layers(self.unpaired_b):
            theirs.setdefault(_describe_form(layer), deque()).append(layer)
        for mine in _group_layers(self.unpaired_a):
            matches = theirs.get(_describe_form(mine))
            if matches:
                for a, b in zip(sorted(mine, key=_sort_key), sorted(matches.popleft(), key=_sort_key), strict=True):
                    self.take(a, b, "order")

    def by_form(self, key: Key, unknown: int | None = None) -> None:
        """Pair tensors with the same key in order. unknown: of that side (0 or 1) only those of no known role."""
        sides = [
            [tensor for tensor in tensors if unknown != side or tensor.role == "other"]
            for side, tensors in enumerate((self.unpaired_a, self.unpaired_b))
        ]
        its = _group(sides[1], key)
        for value, tensors in _group(sides[0], key).items():
            for a, b in zip(tensors, its.get(value, ()), strict=False):
                self.take(a, b, "order")

    def by_roles(self) -> None:
        """Pair the rest in order, where both sides have equally many of a role; their shapes differ."""
        its = _group(self.unpaired_b, _role_key)
        for value, tensors in _group(self.unpaired_a, _role_key).items():
            if len(tensors) == len(its.get(value, ())):
                for a, b in zip(tensors, its[value], strict=True):
                    self.take(a, b, "order")

    def result(self, a: WeightFile) -> Pairing:
        ordered = (self._pairs[id(t)] for t in a if id(t) in self._pairs)
        return Pairing(tuple(ordered), tuple(self._a.values()), tuple(self._b.values()))


def _group(tensors: Iterable[Tensor], key: Key) -> dict[Hashable, list[Tensor]]:
    groups = dict[Hashable, list[Tensor]]()
    for tensor in tensors:
        value = key(tensor)
        if value is not None:
            groups.setdefault(value, []).append(tensor)
    return groups


def _group_layers(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Yield the tensors of each named layer whose roles are known."""
    for layer in _group(tensors, lambda tensor: tensor.layer or None).values():
        if all(tensor.role != "other" for tensor in layer):
            yield layer


def _describe_form(layer: list[Tensor]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple(sorted((tensor.role, tuple(sorted(tensor.shape))) for tensor in layer))


def _sort_key(tensor: Tensor) -> tuple[str, tuple[int, ...], str]:
    return tensor.role, tuple(sorted(tensor.shape)), tensor.name


def _role_key(tensor: Tensor) -> Hashable:
    return (tensor.kind, tensor.role) if tensor.role != "other" else None
