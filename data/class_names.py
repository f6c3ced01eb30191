"""The classes of a data set by their names: as a network numbers them, whatever order the data set has."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.data.labels import IGNORED
from cnnkit.data.refusal import refuse
from cnnkit.data.targets import CLASS_MAP
from cnnkit.files.names import printable


def match_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return the data set with the classes `names` of a network as 0..K-1, and those it does not know from K on.

    In maps of classes, those that the network does not know are -1, which counts nowhere.

    Classes are matched by name. Where one side only numbers its classes and no name is shared, position counts. What
    was changed is in the notes.

    Raises DataError when no class of the data set is one of the network's.
    """
    own, known = dataset.class_names, tuple(names)
    if not known or not own or own == known:
        return dataset
    if len(set(known)) < len(known):
        raise refuse("the network's class names", "each name once", list_classes(known))
    if set(own) & set(known):
        unknown = tuple(name for name in own if name not in known and not _has_maps(dataset))
        return _rename(dataset, (*known, *unknown), _describe_match(dataset, known))
    fitting = len(own) <= len(known) if _is_numbered(own) else len(own) == len(known) and _is_numbered(known)
    if not fitting:
        hint = "rename the classes, name another data set, or train a network for these classes"
        raise refuse(dataset.name, f"some of the network's classes {list_classes(known)}", list_classes(own), hint)
    said = (
        f"{_name(dataset)}: classes are taken by position, since no name is shared: {own[0]} is {known[0]}, and so on"
    )
    moved = replace(dataset, class_names=known + own[len(known) :])
    return replace(moved, notes=(*dataset.notes, printable(said, 600)))


def arrange_classes(dataset: Dataset, names: Sequence[str], where: str) -> Dataset:
    """Return the data set with its classes in the order of `names`, those of the file that a training starts from.

    A class that only one side has takes a free place. Another number of classes leaves the order as it is, because
    the last layer is drawn anew then.
    """
    own, stored = dataset.class_names, tuple(names)
    if own == stored or len(own) != len(set(stored)) or len(own) != len(stored):
        return dataset
    if _is_numbered(stored) or _is_numbered(own):
        return dataset
    free = iter([name for name in own if name not in stored])
    arranged = tuple(name if name in own else next(free) for name in stored)
    differing = [f"{name} takes the place of {old}" for name, old in zip(arranged, stored, strict=True) if name != old]
    said = f"{_name(dataset)}: classes in the order of {printable(where, 400)}: {list_classes(arranged)}"
    return _rename(dataset, arranged, [said + (f"; {', '.join(differing)}" if differing else "")])


def _rename(dataset: Dataset, names: tuple[str, ...], notes: list[str]) -> Dataset:
    """Return the data set with the class names `names`, its labels renumbered by name."""
    numbers = {name: number for number, name in enumerate(names)}
    table = np.array([numbers.get(name, IGNORED) for name in dataset.class_names], np.int64)
    train, test = (part and part.relabelled(table, names) for part in (dataset.train, dataset.test))
    assert train is not None  # noqa: S101 (for the type checker)
    new = tuple(note for note in notes if note not in dataset.notes)
    return replace(dataset, train=train, test=test, class_names=names, notes=(*dataset.notes, *new))


def _describe_match(dataset: Dataset, known: tuple[str, ...]) -> list[str]:
    own, where = dataset.class_names, _name(dataset)
    shared, notes = tuple(name for name in own if name in known), []
    if shared != tuple(name for name in known if name in own):
        notes.append(
            f"{where}: classes are matched by name, their order in the network is another: {list_classes(known)}"
        )
    missing = tuple(name for name in known if name not in own)
    if missing:
        notes.append(f"{where}: has {len(shared)} of the network's {len(known)} classes, not {list_classes(missing)}")
    unknown = tuple(name for name in own if name not in known)
    if unknown:
        what = "such places count nowhere" if _has_maps(dataset) else "its images are left out"
        notes.append(f"{where}: the network does not know {list_classes(unknown)}; {what}")
    return notes


def _has_maps(dataset: Dataset) -> bool:
    return dataset.train.parts[0].kind == CLASS_MAP


def _is_numbered(names: tuple[str, ...]) -> bool:
    """Return whether the names are only 0, 1, 2, ...: those of data without class names."""
    return names == tuple(map(str, range(len(names))))


def _name(dataset: Dataset) -> str:
    return printable(dataset.name, 400)


def list_classes(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(printable(name, 40) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
