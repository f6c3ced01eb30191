"""Faults of single filters and neurons: those that compute nothing, and those that repeat another."""

from collections.abc import Iterator

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.statistics import Statistics
from cnnkit.inspection.unit_digests import digest_units
from cnnkit.inspection.units import find_unit_axis

Norms = np.ndarray[tuple[int], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Indices = np.ndarray[tuple[int], np.dtype[np.intp]]

_DEAD = 1e-5  # of the layer's median norm; real nets have dead filters at 1e-34 of it, never exactly 0
_SHOWN = 8
_FEWEST = 4  # values of a unit; fewer coincide by chance


def name_unit(tensor: Tensor) -> str:
    """Return the word for a unit of the tensor."""
    return "filter" if len(tensor.shape) > 2 else "neuron"


def find_unit_faults(tensor: Tensor, computed: Statistics) -> Iterator[Finding]:
    """Yield the dead units, whose norm is next to nothing, and the duplicates, equal to a unit before them.

    The tensor is read again only where norms coincide.
    """
    norms = computed.norms
    if norms is None or norms.size < 2:
        return
    dead, word = _are_dead(norms), name_unit(tensor)
    if dead.any() and not dead.all():
        units = np.flatnonzero(dead)
        message = f"{_describe(units, norms.size, word)} dead: norm under {_DEAD:g} of the layer's median"
        yield Finding(tensor.name, f"dead_{word}", "warning", units.size, tuple(units.tolist()), message)
    if computed.count < _FEWEST * norms.size or computed.min == computed.max:
        return
    copies = _find_copies(tensor, _find_close(norms, dead).tolist())
    if copies:
        same = np.array([unit for unit, _ in copies])
        unit, earlier = copies[0]
        message = f"{_describe(same, norms.size, word)} copies of others: {unit} is the same as {earlier}"
        yield Finding(tensor.name, f"duplicate_{word}", "warning", len(copies), tuple(same.tolist()), message)


def _are_dead(norms: Norms) -> Mask:
    known = norms[np.isfinite(norms)]
    usual = float(np.median(known)) if known.size else 0.0
    return norms <= _DEAD * (usual or float(known.max(initial=0.0)))


def _find_copies(tensor: Tensor, units: list[int]) -> list[tuple[int, int]]:
    """Return (unit, the first unit with the same values) for every unit that repeats another of `units`."""
    axis = find_unit_axis(tensor) if units else None
    if axis is None:
        return []
    first = dict[bytes, int]()
    pairs = zip(units, digest_units(tensor, axis, units), strict=True)
    originals = [(unit, first.setdefault(digest, unit)) for unit, digest in pairs]
    return [(unit, original) for unit, original in originals if unit != original]


def _find_close(norms: Norms, dead: Mask) -> Indices:
    """Return, in order, the living units whose norms are so close that the units may be equal."""
    alive = np.flatnonzero(~dead & np.isfinite(norms))
    order = alive[np.argsort(norms[alive], kind="stable")]
    close = np.diff(norms[order]) <= 1e-9 * norms[order][1:]
    near = np.zeros(order.size, np.bool_)
    near[1:] |= close
    near[:-1] |= close
    return np.sort(order[near])


def _describe(units: Indices, total: int, word: str) -> str:
    """Return "filters 3, 7 of 16 are"."""
    shown = ", ".join(map(str, units[:_SHOWN].tolist())) + (", ..." if units.size > _SHOWN else "")
    if units.size == 1:
        return f"{word} {shown} of {total} is"
    return f"{units.size} {word}s of {total} ({shown}) are"
