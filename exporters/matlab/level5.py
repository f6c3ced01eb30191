"""Lists the arrays of a MAT-file of version 5, inside structs and cells too, under MATLAB's own names for them."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.exporters.matlab.elements import (
    CELL,
    CHAR,
    CLASSES,
    COMPRESSED,
    FUNCTION,
    MATRIX,
    OBJECT,
    OPAQUE,
    SPARSE,
    STRUCT,
    Element,
    Heading,
    Level5,
    find_stored,
    raise_damaged,
)
from cnnkit.exporters.matlab.sources import MatSource, PackedSource, PlainSource
from cnnkit.exporters.matlab.versions import HEADER
from cnnkit.files.names import printable
from cnnkit.files.stored_file import StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.directory import FREE_BYTES, LARGEST_RATIO

_MOST_ARRAYS, _MAX_DEPTH = 200_000, 32
_LONGEST_TEXT, _MOST_TEXT = 1024, 1 << 20
_OTHERS = {OBJECT: "an object of a class, not numbers", FUNCTION: "a function, not numbers"}
_TEXTS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}


class StoredValues(NamedTuple):
    """Values of one array: where they come from, the element with their bytes, and the type that these are of."""

    source: MatSource
    element: Element
    stored: str


@dataclass(frozen=True)
class ListedArray:
    """A numeric array in the order of columns. dtype: that of its class; imaginary: None for real values."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: StoredValues
    imaginary: StoredValues | None


@dataclass
class Contents:
    """What a MAT-file holds. texts: short ones by name."""

    arrays: list[ListedArray] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    not_read: list[NotRead] = field(default_factory=list)


def list_level5(file: StoredFile, order: str) -> Contents:
    """Return what a file of version 5 holds. Raises UnsafeFileError when it is damaged, or unpacks to too much."""
    lister = _Lister(file, order)
    plain = Level5(PlainSource(file), order)
    place = HEADER
    while place < file.size:
        element = plain.element(place, file.size)
        lister.add_variable(plain, element)
        place = element.stop
    return lister.finish()


class _Lister:
    def __init__(self, file: StoredFile, order: str) -> None:
        self._file, self._order = file, order
        self._contents = Contents()
        self._arrays, self._unpacked = 0, 0
        self._empty, self._long_texts, self._text = 0, 0, _MOST_TEXT

    def add_variable(self, level: Level5, element: Element) -> None:
        """Add what a top-level element holds."""
        if element.kind != COMPRESSED:
            self._add(level, element, None, 0)
            return
        source = PackedSource(self._file, element.start, element.size)
        packed = Level5(source, self._order)
        size = int.from_bytes(source.read(4, 4), "little" if self._order == "<" else "big")
        source.size = 8 + size
        self._require_affordable(source.size)
        inner = packed.element(0, source.size)
        if self._add(packed, inner, None, 0):
            source.finish()
        source.rest()

    def finish(self) -> Contents:
        """Return all that was added."""
        for what, count in (("empty arrays", self._empty), ("long or several lines of text", self._long_texts)):
            if count:
                self._contents.not_read.append(NotRead(what, count, "no numbers", weights=False))
        return self._contents

    def _add(self, level: Level5, element: Element, name: str | None, depth: int) -> bool:
        """Add an array, called `name` where it is inside another; return whether more than its heading was read."""
        if element.kind != MATRIX:
            raise_damaged(f"an element of type {element.kind} where an array is expected", element.start)
        self._arrays += 1
        if self._arrays > _MOST_ARRAYS:
            raise UnsafeFileError(f"more than {_MOST_ARRAYS} arrays", "too_big")
        if depth > _MAX_DEPTH:
            raise UnsafeFileError(f"structs and cells nested deeper than {_MAX_DEPTH}", "too_big")
        if element.size == 0:
            self._empty += 1
            return True
        heading = level.heading(element)
        known = heading.name if name is None else name
        if name is None and not known:
            self._skip("data of objects and functions", "not an array of its own")
        elif heading.code == CELL:
            self._add_cell(level, element, heading, known, depth)
            return True
        elif heading.code == STRUCT:
            self._add_struct(level, element, heading, known, depth)
            return True
        elif heading.code == CHAR:
            self._add_text(level, element, heading, known)
            return True
        elif heading.code == SPARSE:
            self._skip(f"{printable(known)} {heading.shape}", f"sparse, {heading.stored} values are stored")
        elif heading.code in CLASSES:
            self._add_numbers(level, element, heading, known)
        else:
            known = known or "ans"
            kind = _OTHERS.get(heading.code, f"an object (class {heading.code}), not numbers")
            self._skip(printable(known), "an object, not numbers" if heading.code == OPAQUE else kind)
        return False

    def _skip(self, what: str, reason: str) -> None:
        self._contents.not_read.append(NotRead(what, 1, reason))

    def _add_cell(self, level: Level5, element: Element, heading: Heading, name: str, depth: int) -> None:
        place = heading.follows
        for index in range(1, self._count(heading, 1) + 1):
            inner = level.element(place, element.stop)
            self._add(level, inner, f"{name}{{{index}}}", depth + 1)
            place = inner.stop

    def _add_struct(self, level: Level5, element: Element, heading: Heading, name: str, depth: int) -> None:
        fields, place = level.fields(heading.follows, element.stop)
        count = self._count(heading, max(len(fields), 1))
        for index in range(1, count + 1):
            owner = name if count == 1 else f"{name}({index})"
            for word in fields:
                inner = level.element(place, element.stop)
                self._add(level, inner, f"{owner}.{word}", depth + 1)
                place = inner.stop

    def _count(self, heading: Heading, each: int) -> int:
        """Return how many elements an array of arrays has. Raises UnsafeFileError for more than any file's."""
        count = math.prod(heading.shape)
        if count * each > _MOST_ARRAYS:
            raise UnsafeFileError(f"more than {_MOST_ARRAYS} arrays", "too_big")
        return count

    def _add_text(self, level: Level5, element: Element, heading: Heading, name: str) -> None:
        if math.prod(heading.shape) == 0:
            self._empty += 1
            return
        data = level.element(heading.follows, element.stop)
        line = math.prod(heading.shape) == heading.shape[-1]
        if data.kind not in _TEXTS or data.size > min(_LONGEST_TEXT, self._text) or not line:
            self._long_texts += 1
            return
        self._text -= data.size
        encoding = _TEXTS[data.kind] + ({"<": "-le", ">": "-be"}[self._order] if data.kind in (4, 17) else "")
        content = level.source.read(data.start, data.size)
        self._contents.texts[name] = content.decode(encoding, "replace")

    def _add_numbers(self, level: Level5, element: Element, heading: Heading, name: str) -> None:
        count, dtype = math.prod(heading.shape), CLASSES[heading.code]
        if count == 0:
            self._empty += 1
            return
        parts, place = [], heading.follows
        for _ in range(1 + heading.complex):
            data = level.element(place, element.stop)
            parts.append(StoredValues(level.source, data, find_stored(data, self._order, count).str))
            place = data.stop
        if heading.complex and dtype not in ("float64", "float32"):
            self._skip(f"{printable(name)} {heading.shape}", f"complex numbers of {dtype}")
            return
        if heading.complex:
            dtype = {"float64": "complex128", "float32": "complex64"}[dtype]
        dtype = "bool" if heading.logical else dtype
        imaginary = parts[1] if heading.complex else None
        self._contents.arrays.append(ListedArray(name, heading.shape, dtype, parts[0], imaginary))

    def _require_affordable(self, size: int) -> None:
        self._unpacked += size
        budget = max(FREE_BYTES, LARGEST_RATIO * self._file.size)
        if self._unpacked > budget:
            problem = f"a file of {self._file.size} bytes that unfolds to {self._unpacked} and more, than {budget}"
            raise UnsafeFileError(problem, "too_big")
