"""How a source is read where its content leaves a choice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from cnnkit.data.layout import require_layout
from cnnkit.data.refusal import refuse
from cnnkit.data.resizing import Resizing
from cnnkit.errors import DataError
from cnnkit.files.names import describe_value

MOST_COLUMNS = 100_000
_KEPT = {"resize", "target", "columns", "layout", "ignore"}
_USED_BY = {
    "resize": "pictures",
    "target": "a table (CSV)",
    "columns": "a table (CSV)",
    "layout": "arrays (.npz, .npy, .h5)",
    "ignore": "class labels or masks",
}


@dataclass(frozen=True)
class Reading:
    """What a reader is told about its source; None and () leave it to the content.

    resize   the size that pictures are brought to, and how
    target   the columns of a table that are to be predicted; all other columns are the input
    columns  the columns of a table that are the input, in that order; by default all that are no target
    layout   the axes of a sample of an array, such as "CL", "HWC" or "F": see `cnnkit.data.layout`
    ignore   the number that stands for "no class" in stored labels and masks, 0 to 65535
    numbers  whether targets that may be classes or numbers are numbers, as the loss takes them
    sample   shape of a network's input, which decides between grey and colour, and between images and signals
    remembered  whether the targets are those of a weight file, which the data may lack

    The last three are what the network knows by itself; the others are kept in a weight file.

    Raises DataError on a layout, a number or a list of columns that cannot be.
    """

    resize: Resizing | None = None
    target: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    layout: str | None = None
    ignore: int | None = None
    numbers: bool | None = None
    sample: tuple[int, ...] | None = None
    remembered: bool = False

    def __post_init__(self) -> None:
        for field in ("target", "columns"):
            names: Any = tuple(getattr(self, field))
            if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
                raise DataError(f"{field}: expected names of columns, each once, got {describe_value(names, 100)}")
            object.__setattr__(self, field, names)
        if self.layout is not None:
            object.__setattr__(self, "layout", require_layout(self.layout))
        if self.ignore is not None and (type(self.ignore) is not int or not -1 <= self.ignore <= 65535):
            raise DataError(f"ignore: expected a whole number, -1 to 65535, got {describe_value(self.ignore, 40)}")

    @property
    def channels(self) -> int | None:
        """The channels of the pictures: 1 or 3 where the network takes as many, else None, for those of the first."""
        count = self.sample[0] if self.sample is not None and len(self.sample) == 3 else None
        return count if count in (1, 3) else None

    def over(self, other: "Reading") -> "Reading":
        """Return this reading, and what it leaves open as in the other."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["remembered"] = self.remembered or bool(other.target and not self.target)
        return Reading(
            **{name: getattr(other, name) if value in (None, ()) else value for name, value in values.items()}
        )

    def only(self, uses: Iterable[str]) -> "Reading":
        """Return what this reading tells of these fields, and what the network knows."""
        told = {name: getattr(self, name) for name in uses}
        return Reading(numbers=self.numbers, sample=self.sample, **told)

    def require_used(self, where: object, uses: Iterable[str], what: str) -> None:
        """Raise DataError where this reading tells what a source of this kind has no use for.

        what: the kind of source, for the message
        """
        for name in ("resize", "target", "columns", "layout", "ignore"):
            if name not in uses and getattr(self, name) not in (None, ()):
                raise refuse(where, f"{_USED_BY[name]}, since --{name} is given", what, f"leave --{name} out")

    def to_json(self) -> dict[str, Any]:
        """Return what a weight file keeps: the fields that were told, without those that its network knows."""
        kept: dict[str, Any] = {}
        if self.resize is not None:
            kept["resize"] = [self.resize.height, self.resize.width, self.resize.fit]
        kept |= {name: list(getattr(self, name)) for name in ("target", "columns") if getattr(self, name)}
        return kept | {n: getattr(self, n) for n in ("layout", "ignore") if getattr(self, n) is not None}

    def as_entry(self) -> dict[str, Any]:
        """Return {"reading": what a weight file keeps}, or {} where nothing was told."""
        kept = self.to_json()
        return {"reading": kept} if kept else {}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the reading that a weight file tells of. Raises DataError for one that cannot be."""
        if not isinstance(stored, Mapping) or not stored.keys() <= _KEPT:
            raise DataError(f"reading: expected {', '.join(sorted(_KEPT))}, got {describe_value(stored, 60)}")
        resize = stored.get("resize")
        if resize is not None and not (isinstance(resize, list) and len(resize) == 3):
            raise DataError(f"reading: expected resize as [height, width, fit], got {describe_value(resize, 60)}")
        named = {name: stored.get(name, []) for name in ("target", "columns")}
        for name, columns in named.items():
            if not isinstance(columns, list) or len(columns) > MOST_COLUMNS:
                raise DataError(f"reading: expected {name} as a list of columns, got {describe_value(columns, 60)}")
        size = None if resize is None else Resizing(*resize)
        target, columns = map(tuple, named.values())
        return cls(size, target, columns, layout=stored.get("layout"), ignore=stored.get("ignore"))
