"""Classes by name, found through entry points: cnnkit's own are registered the same way, and come first.

A class is imported when its name is used, so a broken plug-in affects no other.
"""

import dataclasses
import difflib
import functools
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast

from cnnkit import specs
from cnnkit.errors import ConfigError, first_line
from cnnkit.files.names import describe_value

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


def points(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, also those of one name: cnnkit's own first, then by name."""
    each_once = {(point.name, point.value): point for point in _installed(tuple(sys.path)).select(group=group)}
    return sorted(each_once.values(), key=lambda p: (not p.value.startswith("cnnkit."), p.name, p.value))


def entries(group: str) -> Mapping[str, EntryPoint]:
    """Return {name: entry point} of a group, cnnkit's own first."""
    return _entries(tuple(sys.path), group)


def entry(group: str, name: str) -> EntryPoint | None:
    """Return the entry point of this name, None where no installed package has one."""
    if name not in entries(group):  # it may have been installed since
        _installed.cache_clear()
        _entries.cache_clear()
    return entries(group).get(name)


@functools.lru_cache(maxsize=1)  # reading the metadata of all installed packages takes tens of milliseconds
def _installed(path: tuple[str, ...]) -> Any:  # noqa: ARG001 (what is installed depends on it)
    return entry_points()


@functools.lru_cache
def _entries(path: tuple[str, ...], group: str) -> dict[str, EntryPoint]:  # noqa: ARG001 (points depends on it)
    by_name: dict[str, EntryPoint] = {}
    for point in points(group):
        by_name.setdefault(point.name, point)
    return by_name


class Registry(Mapping[str, type[T]]):
    """A mapping of names to classes, such as losses: the entry points of `group`, and classes registered here.

    kind: the singular, for messages. base: the class that all of them derive from. elsewhere: {name that another
    library has: what to write here}.
    """

    def __init__(self, kind: str, group: str, base: type[Any], elsewhere: Mapping[str, str] | None = None) -> None:
        self.kind, self.group, self.base, self.elsewhere = kind, group, base, elsewhere or {}
        self._registered: dict[str, type[T]] = {}

    def __getitem__(self, name: str) -> type[T]:
        """Return the class. Raises ConfigError where it cannot be imported, KeyError where the name is unknown."""
        if name in self._registered:
            return self._registered[name]
        point = entry(self.group, name)
        if point is None:
            raise KeyError(name)
        try:
            cls = point.load()
        except Exception as error:
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise ConfigError(f"{self.kind} {name}: {point.value} cannot be imported: {reason}") from error
        return self._checked(name, cls)

    def __contains__(self, name: object) -> bool:
        return name in self._registered or (isinstance(name, str) and entry(self.group, name) is not None)

    def __iter__(self) -> Iterator[str]:
        return iter({**entries(self.group), **self._registered})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def register(self, cls: Class) -> Class:
        """Make a class known by its name until the process ends; also a decorator. Entry points need no such call."""
        self._require_own_name(cls)
        self._registered[cls.__name__] = self._checked(cls.__name__, cls)
        return cls

    def parse(self, value: str | T) -> T:
        """Return the object that `NAME:key=value,...` describes, or `value` itself if it is one. Raises ConfigError."""
        if not isinstance(value, str):
            if isinstance(value, self.base):
                return cast("T", value)
            expected = f"a text such as 'NAME:key=value' or a {self.base.__name__}"
            raise ConfigError(f"{self.kind}: expected {expected}, got {describe_value(value)}")
        name = value.strip().partition(":")[0]
        if name not in self:
            raise specs.UnknownNameError(
                f"{self.kind}: expected one of {', '.join(self)}, got {describe_value(name)}{self._hint(name)}"
            )
        return specs.parse(self.kind, value, self)

    def _hint(self, name: str) -> str:
        """Return what to do about a name that is not known: the nearest one, or how to make a class known."""
        plain = name.lower().replace("-", "_").removesuffix("loss").rstrip("_")
        near = difflib.get_close_matches(plain, self, 1, 0.75)
        meant = self.elsewhere.get(plain.replace("_", "")) or (near[0] if near else "")
        if meant:
            return f" (did you mean {meant}?)"
        called = name if name.isidentifier() else "ItsClass"
        return (
            f": for a class of your own call {self.group}.register({called}), or install the package that "
            f"has it among its entry points of group {self.group}"
        )

    def render(self, value: T) -> str:
        """Return the text that `parse` reads back where the class is known.

        Raises ConfigError where text cannot hold all that the value is, or its class has the name of another.
        """
        cls = type(value)
        name = self.name_of(cls)
        if name == cls.__name__:
            self._require_own_name(cls)
        text = specs.render(name, value, self._text)
        try:
            complete = _state(specs.parse(self.kind, text, {name: cls})) == _state(value)
        except specs.UnknownNameError:  # of a schedule inside a schedule
            raise
        except Exception:
            complete = False
        if not complete:
            raise ConfigError(
                f"{self.kind} {name}: cannot be written as text: make it a dataclass whose fields are numbers, "
                "true or false, or texts without a comma"
            )
        return text

    def name_of(self, cls: type[T]) -> str:
        """Return the name of a class, the longest if it has several, its own if it has none."""
        names = [name for name, point in entries(self.group).items() if _is_class(point, cls)]
        return max(names, key=len, default=cls.__name__)

    def _text(self, field: Any) -> str:
        return self.render(field).replace(",", "/") if isinstance(field, self.base) else specs.plain_text(field)

    def _require_own_name(self, cls: type[Any]) -> None:
        """Raise ConfigError where an entry point has the name of this class."""
        point = entries(self.group).get(cls.__name__)
        if point is not None and not _is_class(point, cls):
            where = f"{cls.__module__}.{cls.__qualname__}"
            raise ConfigError(f"{self.kind} {point.name}: the name belongs to {point.value}: rename the class {where}")

    def _checked(self, name: str, cls: Any) -> type[T]:
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            base = f"{self.base.__module__}.{self.base.__name__}"
            raise ConfigError(f"{self.kind} {name}: expected a subclass of {base}, got {cls!r}")
        return cls


def _is_class(point: EntryPoint, cls: type[Any]) -> bool:
    """Return whether an entry point names this class; nothing is imported, as the class itself has been."""
    module, _, path = point.value.partition("[")[0].partition(":")  # without extras; the value may be malformed
    member: Any = sys.modules.get(module.strip())
    for name in path.strip().split("."):
        member = getattr(member, name, None)
    return member is cls


def _state(value: Any) -> Any:
    """Return what distinguishes a value from others of its class."""
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return getattr(value, "__dict__", value)
