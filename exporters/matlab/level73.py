"""Lists the arrays of a MAT-file of version 7.3, which is HDF5: structs are groups, cells are references.

MATLAB stores an array in columns, HDF5 in rows; so its axes come in reverse order, and are turned back.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.hdf5.contents import Listing
from cnnkit.files.names import printable
from cnnkit.files.natural_order import natural_key
from cnnkit.files.unsafe_file import UnsafeFileError

_NUMBERS = frozenset(
    ("double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
)
_MOST_ARRAYS, _MAX_DEPTH = 200_000, 32
_LONGEST_TEXT, _MOST_TEXTS = 1024, 1000
_COMPLEX = "complex numbers, a compound in HDF5: a file that MATLAB saves with -v7 has them as numbers"
_FOR_OBJECTS = "#subsystem#"
_TARGETS = "#refs#"


class ListedPlace(NamedTuple):
    """A numeric array: MATLAB's name for it, its data set, and whether its values are truth values."""

    name: str
    place: str
    logical: bool


class Listed73:
    """What a file holds; `read_text` returns the text of the data set at a place.

    Raises UnsafeFileError for structs and cells nested too deep, in a circle, or too many.
    """

    def __init__(self, listing: Listing, read_text: Callable[[str], str]) -> None:
        self._listing, self._read_text = listing, read_text
        self.arrays: list[ListedPlace] = []
        self.texts: dict[str, str] = {}
        self.not_read: list[NotRead] = []
        self._count, self._empty, self._long_texts = 0, 0, 0
        self._members: dict[str, list[str]] = {}
        for path in sorted({*listing.groups, *listing.datasets, *listing.not_read} - {""}, key=natural_key):
            self._members.setdefault(path.rpartition("/")[0], []).append(path)
        for path in self._members.get("", ()):
            if path == _FOR_OBJECTS:
                self._skip("data of objects and functions", "not an array of its own")
            elif path != _TARGETS:
                self._add(path, path, 0)
        for what, count in (("empty arrays", self._empty), ("long or several lines of text", self._long_texts)):
            if count:
                self.not_read.append(NotRead(what, count, "no numbers", weights=False))
        self.not_read += [NotRead(printable(link), 1, "links are not followed") for link in listing.not_followed]

    def _add(self, path: str, name: str, depth: int) -> None:
        self._count += 1
        if self._count > _MOST_ARRAYS:
            raise UnsafeFileError(f"more than {_MOST_ARRAYS} arrays", "too_big")
        if depth > _MAX_DEPTH:
            raise UnsafeFileError(f"structs and cells nested deeper than {_MAX_DEPTH}", "too_big")
        if not path:  # which would be the root
            self._skip(printable(name), "a reference to nothing in this file")
        elif path in self._listing.references:
            self._add_references(path, name, depth)
        elif path in self._listing.groups:
            self._add_group(path, name, depth)
        elif path in self._listing.datasets:
            self._add_dataset(path, name)
        else:
            reason = self._listing.not_read[path]
            self._skip(printable(name), _COMPLEX if "compound" in reason else reason)

    def _add_references(self, path: str, name: str, depth: int) -> None:
        for index, target in enumerate(self._listing.references[path].targets, 1):
            self._add(target, f"{name}{{{index}}}", depth + 1)

    def _add_group(self, path: str, name: str, depth: int) -> None:
        attributes = self._listing.groups[path]
        known = str(attributes.get("MATLAB_class", "struct"))
        if "MATLAB_sparse" in attributes:
            self._skip(printable(name), "sparse: only the values that are not 0 are stored")
            return
        if known != "struct":
            self._skip(printable(name), f"an object of class {printable(known, 60)}, not numbers")
            return
        references = self._listing.references
        members = self._members.get(path, [])
        # In an array of structs each field is a data set of references, which has no class; a cell has one.
        columns = [m for m in members if m in references and "MATLAB_class" not in references[m].attributes]
        for index in range(max((len(references[m].targets) for m in columns), default=0)):
            for member in columns:
                field, targets = member.rpartition("/")[2], references[member].targets
                self._add(targets[index] if index < len(targets) else "", f"{name}({index + 1}).{field}", depth + 1)
        for member in members:
            if member not in columns:
                self._add(member, f"{name}.{member.rpartition('/')[2]}", depth + 1)

    def _add_dataset(self, path: str, name: str) -> None:
        stored = self._listing.datasets[path]
        known = str(stored.attributes.get("MATLAB_class", "double"))
        count = math.prod(stored.shape)
        if stored.attributes.get("MATLAB_empty") or not count:
            self._empty += 1
        elif known == "char":
            line = max(stored.shape, default=1) == count and stored.dtype.startswith("uint")
            if line and count <= _LONGEST_TEXT and len(self.texts) < _MOST_TEXTS:
                self.texts[name] = self._read_text(path)
            else:
                self._long_texts += 1
        elif known in _NUMBERS:
            self.arrays.append(ListedPlace(name, path, known == "logical" and stored.dtype == "uint8"))
        else:
            self._skip(printable(name), f"an object of class {printable(known, 60)}, not numbers")

    def _skip(self, what: str, reason: str) -> None:
        self.not_read.append(NotRead(what, 1, reason))
