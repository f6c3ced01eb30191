"""Pairs of tensors of two files: by name, by layer, or by the order of layers of the same form."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

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
    for mine, its in (names or {}).items():
        pool.take(_find_named(pool.unpaired_a, mine, a), _find_named(pool.unpaired_b, its, b), "map")
    pool.by_key(lambda tensor: (tensor.kind, tensor.name), "name")
    pool.by_key(lambda tensor: (tensor.kind, _strip_prefixes(tensor.name)), "name")
    pool.by_key(
        lambda tensor: (_strip_prefixes(tensor.layer), tensor.role) if tensor.role != "other" else None, "layer"
    )
    pool.by_layers()
    pool.by_form(lambda tensor: (tensor.kind, tensor.role, tuple(sorted(tensor.shape))))
    pool.by_form(lambda tensor: tuple(sorted(tensor.shape)) if len(tensor.shape) else None)
    pool.by_roles()
    return pool.result(a)


def _find_named(tensors: Iterable[Tensor], name: str, file: WeightFile) -> Tensor:
    for tensor in tensors:
        if tensor.name == name:
            return tensor
    where = printable(str(file.file))
    raise ConfigError(f"--map: expected names of tensors, each once, got {printable(name, 60)!r}: not in {where}")


def _strip_prefixes(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.replace("/", ".")


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

    def by_key(self, key: Key, how: str) -> None:
        """Pair tensors with the same key, where the key is unique on both sides."""
        mine, its = _group(self.unpaired_a, key), _group(self.unpaired_b, key)
        for value, tensors in mine.items():
            if len(tensors) == 1 == len(its.get(value, ())):
                self.take(tensors[0], its[value][0], how)

    def by_layers(self) -> None:
        """Pair layers in order, each with the next layer whose tensors have the same roles and sizes."""
        theirs = list(_group_layers(self.unpaired_b))
        for mine in _group_layers(self.unpaired_a):
            match = next((layer for layer in theirs if _describe_form(layer) == _describe_form(mine)), None)
            if match is None:
                continue
            theirs.remove(match)
            for a, b in zip(sorted(mine, key=_sort_key), sorted(match, key=_sort_key), strict=True):
                self.take(a, b, "order")

    def by_form(self, key: Key) -> None:
        """Pair tensors with the same key in order."""
        its = _group(self.unpaired_b, key)
        for value, tensors in _group(self.unpaired_a, key).items():
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


def _describe_form(layer: list[Tensor]) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((tensor.role, tuple(sorted(tensor.shape))) for tensor in layer)


def _sort_key(tensor: Tensor) -> tuple[str, tuple[int, ...], str]:
    return tensor.role, tuple(sorted(tensor.shape)), tensor.name


def _role_key(tensor: Tensor) -> Hashable:
    return (tensor.kind, tensor.role) if tensor.role != "other" else None
