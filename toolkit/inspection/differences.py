"""The differences of two weight files: pairs of tensors, brought into one layout, and the distance of each pair."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.inspection.comparison import Distance, measure_distance
from cnnkit.inspection.flattening import Flattening
from cnnkit.inspection.layouts import Transform, find_transform, is_mirrored
from cnnkit.inspection.pairing import Pair, Pairing

SAME = ("equal", "close")
_TWO_TYPES = "the two are not of one floating-point type"
_FIGURES = ("max_abs", "max_rel", "max_ulp", "l2")


@dataclass(frozen=True)
class Difference:
    """A pair of tensors and their distance.

    status    equal (bit for bit), close (within the tolerances), dtype (the same values in another type), different,
              shape (cannot be compared)
    transform the change of layout applied to b, such as HWIO->OIHW
    distance  None when the shapes cannot be compared
    """

    pair: Pair
    status: str
    transform: str | None
    distance: Distance | None

    def to_json(self) -> dict[str, Any]:
        """Return the keys that `cnnkit diff --json` prints."""
        a, b, known = self.pair.a, self.pair.b, self.distance
        first = None if known is None or known.first_index is None else list(known.first_index)
        return {
            "a": a.name, "b": b.name, "status": self.status,
            **{key: getattr(known, key, None) for key in _FIGURES}, "first_index": first,
            "paired_by": self.pair.paired_by, "transform": self.transform,
            "different": None if known is None else known.different,
            "shape_a": list(a.shape), "shape_b": list(b.shape), "dtype_a": a.dtype, "dtype_b": b.dtype,
        }  # fmt: skip

    def undefined(self) -> dict[str, str]:
        """Return {key: reason} for the figures that are None."""
        if self.distance is None:
            return dict.fromkeys(_FIGURES, f"shapes {self.pair.a.shape} and {self.pair.b.shape} do not fit")
        reasons = {}
        for key in _FIGURES:
            if getattr(self.distance, key) is None:
                reasons[key] = "no value is finite on both sides"
                if key == "max_ulp" and self.distance.max_abs is not None:
                    one_type = self.pair.a.dtype == self.pair.b.dtype and "float" in self.pair.a.dtype
                    reasons[key] = "a value has another sign" if one_type else _TWO_TYPES
        return reasons


def compare(
    a: WeightFile, b: WeightFile, pairing: Pairing, atol: float = 0.0, rtol: float = 0.0
) -> Iterator[Difference]:
    """Yield the difference of every pair; two tensors are in memory at a time."""
    flattening = Flattening(a, b)
    for pair in pairing.pairs:
        transform = find_transform(pair.b, pair.a)
        if transform is None:
            yield Difference(pair, "shape", None, None)
            continue
        distance = _measure(pair, transform, atol, rtol)
        reordered = flattening.reorder_inputs(transform, pair.a, pair.b)
        if reordered is not transform and not distance.same:  # the order is inferred, equality is not
            transform, distance = reordered, _measure(pair, reordered, atol, rtol)
        if not distance.same and is_mirrored(a, pair.a) is not is_mirrored(b, pair.b):
            mirrored = transform.mirrored(pair.a)
            nearer = _measure(pair, mirrored, atol, rtol)
            if nearer.same or (nearer.l2 or 0.0) < (distance.l2 or 0.0):
                transform, distance = mirrored, nearer
        yield Difference(pair, _name_status(pair, distance, bool(atol or rtol)), transform.name, distance)


def _measure(pair: Pair, transform: Transform, atol: float, rtol: float) -> Distance:
    return measure_distance(pair.a.read(), transform.apply(pair.b.read()), pair.a.dtype, pair.b.dtype, atol, rtol)


def _name_status(pair: Pair, distance: Distance, tolerant: bool) -> str:
    if distance.same and pair.a.dtype == pair.b.dtype:
        return "equal"
    if distance.same and not tolerant:
        return "dtype"
    return "different" if distance.different else "close"


def matters(tensor: Tensor) -> bool:
    """Return whether the network needs this tensor; it does not need counters and constants of formats."""
    return tensor.kind == "parameter" or tensor.role in ("mean", "variance")
