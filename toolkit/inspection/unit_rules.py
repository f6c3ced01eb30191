"""What is wrong with single filters and neurons: those that do nothing, and those that do what another does."""

from collections.abc import Iterator

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.statistics import Statistics
from cnnkit.inspection.unit_digests import unit_digests
from cnnkit.inspection.units import unit_axis

_DEAD = 1e-5  # of the layer's median norm; real nets have dead filters at 1e-34 of it, never exactly 0
_SHOWN = 8
_FEWEST = 4  # values of a unit; fewer coincide by chance


def unit_word(tensor: Tensor) -> str:
    """Return what a unit of the tensor is called."""
    return "filter" if len(tensor.shape) > 2 else "neuron"


def dead(tensor: Tensor, found: Statistics) -> Iterator[Finding]:
    """Yield the units whose norm is nothing beside the others'."""
    where = _dead(found)
    if where.any() and not where.all():
        units, word = np.flatnonzero(where), unit_word(tensor)
        message = f"{_units(units, where.size, word)} dead: norm under {_DEAD:g} of the layer's median"
        yield Finding(tensor.name, f"dead_{word}", "warning", units.size, tuple(units.tolist()), message)


def duplicates(tensor: Tensor, found: Statistics) -> Iterator[Finding]:
    """Yield the units that have the same values as one before them. The tensor is read where norms coincide."""
    norms, axis = found.norms, unit_axis(tensor)
    if norms is None or axis is None or found.count < _FEWEST * norms.size or found.min == found.max:
        return
    candidates = _coinciding(norms, _dead(found))
    if not candidates.size:
        return
    units, first = candidates.tolist(), dict[bytes, int]()
    sums = unit_digests(tensor, axis, units)
    pairs = [(unit, first.setdefault(digest, unit)) for unit, digest in zip(units, sums, strict=True)]
    copies = [(unit, before) for unit, before in pairs if unit != before]
    if copies:
        word, same = unit_word(tensor), np.array([unit for unit, _ in copies])
        unit, before = copies[0]
        message = f"{_units(same, norms.size, word)} copies of others: {unit} is the same as {before}"
        yield Finding(tensor.name, f"duplicate_{word}", "warning", len(copies), tuple(same.tolist()), message)


def _dead(found: Statistics) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    norms = found.norms
    if norms is None or norms.size < 2:
        return np.zeros(0, np.bool_)
    known = norms[np.isfinite(norms)]
    usual = float(np.median(known)) if known.size else 0.0
    return norms <= _DEAD * (usual or float(known.max(initial=0.0)))


def _coinciding(
    norms: np.ndarray[tuple[int], np.dtype[np.float64]], dead: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the units whose norms lie so close that they may be the same, in order."""
    alive = np.flatnonzero(~dead & np.isfinite(norms)) if dead.size else np.zeros(0, np.intp)
    order = alive[np.argsort(norms[alive], kind="stable")]
    close = np.diff(norms[order]) <= 1e-9 * norms[order][1:]
    near = np.zeros(order.size, np.bool_)
    near[1:] |= close
    near[:-1] |= close
    return np.sort(order[near])


def _units(units: np.ndarray[tuple[int], np.dtype[np.intp]], all_units: int, word: str) -> str:
    """Return "filters 3, 7 of 16 are"."""
    shown = ", ".join(map(str, units[:_SHOWN].tolist())) + (", ..." if units.size > _SHOWN else "")
    if units.size == 1:
        return f"{word} {shown} of {all_units} is"
    return f"{units.size} {word}s of {all_units} ({shown}) are"
