"""What of one weight file fills the tensors of another: the pairs that `diff` compares, in the layout of the second."""

from collections.abc import Mapping
from typing import NamedTuple

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.element_types import is_raw
from cnnkit.exporters.core.small_floats import decode
from cnnkit.exporters.core.weight_file import Array, Tensor, WeightFile
from cnnkit.files.names import format_count, printable
from cnnkit.inspection.dequantise import Quantisation, find_quantisation
from cnnkit.inspection.differences import matters
from cnnkit.inspection.flattening import Flattening
from cnnkit.inspection.layouts import Transform, find_transform, is_mirrored
from cnnkit.inspection.pairing import Pair, pair

_LISTED = 8
_MAY_LACK = ("gamma", "beta")  # a normalisation without them scales by 1, shifts by 0, as one newly drawn


class Filling(NamedTuple):
    """A tensor to fill, the tensor whose values it takes, the change of layout, and how they were paired.

    quantisation: how the integers of the source stand for numbers; None where they are numbers
    """

    target: Tensor
    source: Tensor
    transform: Transform
    paired_by: str
    quantisation: Quantisation | None

    @property
    def dtype(self) -> str:
        """The type of the values: float32 for bfloat16 and float8, which it holds exactly, and for quantised ones."""
        return "float32" if self.quantisation is not None or is_raw(self.source.dtype) else self.source.dtype

    def read(self) -> Array:
        """Return the values in the layout of the target."""
        values = decode(self.source.read(), self.source.dtype)
        return self.transform.apply(values if self.quantisation is None else self.quantisation.decode(values))


class Fillings(NamedTuple):
    """The fillings in the order of the targets, {name of a target without one: reason}, and the sources not used."""

    found: tuple[Filling, ...]
    unfilled: Mapping[str, str]
    unused: tuple[Tensor, ...]

    @property
    def text(self) -> str:
        """One line for people: what was taken from where and rearranged how, and what was not used."""
        parts = [f"{format_count(len(self.found), 'tensor')} taken"]
        ordered = [(f.target.layer, f.source.layer or f.source.name) for f in self.found if f.paired_by == "order"]
        guessed = [f"{printable(target)} from {printable(source)}" for target, source in dict.fromkeys(ordered)]
        parts += [f"paired by the order of layers: {_list(guessed)}"] if guessed else []
        turned = list(dict.fromkeys(f.transform.name for f in self.found if f.transform.name))
        parts += [f"rearranged: {_list(turned)}"] if turned else []
        quantised = sum(f.quantisation is not None for f in self.found)
        parts += [f"{quantised} of them dequantised"] if quantised else []
        unused = [printable(tensor.name) for tensor in self.unused]
        parts += [f"of the file not used: {_list(unused)}"] if unused else []
        return "; ".join(parts)


def find_fillings(targets: WeightFile, stored: WeightFile, names: Mapping[str, str] | None = None) -> Fillings:
    """Return what of `stored` fills the parameters and state of `targets`; `names` as in `pair`.

    What is paired by order alone fills whole layers only: a bias that happens to be as long as another is no match.

    Raises WeightFileError for a pair whose values are no real numbers: whole numbers, truth values, complex ones.
    """
    pairing, flattening = pair(targets, stored, names), Flattening(targets, stored)
    reasons = {tensor.name: "not in the file" for tensor in pairing.only_in_a}
    transforms = [find_transform(matched.b, matched.a) for matched in pairing.pairs]
    broken = {tensor.layer for tensor in pairing.only_in_a if tensor.role not in _MAY_LACK}
    broken |= {matched.a.layer for matched, how in zip(pairing.pairs, transforms, strict=True) if how is None}
    found, unused = [], list(filter(matters, pairing.only_in_b))
    for matched, transform in zip(pairing.pairs, transforms, strict=True):
        by_chance = matched.paired_by == "order" and matched.a.layer in broken
        if transform is None or by_chance:
            misfit = f"{matched.a.shape} here, {matched.b.shape} there"
            reasons[matched.a.name] = "not in the file" if matched.paired_by == "order" else misfit
            unused.append(matched.b)
            continue
        quantisation = find_quantisation(stored, matched.b)
        if quantisation is None:
            _require_real(matched, stored)
        reordered = flattening.reorder_inputs(transform, matched.a, matched.b)
        if is_mirrored(stored, matched.b):
            reordered = reordered.mirrored(matched.a)
        found.append(Filling(matched.a, matched.b, reordered, matched.paired_by, quantisation))
    unfilled = {tensor.name: reasons[tensor.name] for tensor in targets if tensor.name in reasons}
    return Fillings(tuple(found), unfilled, tuple(unused))


def _list(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _require_real(matched: Pair, stored: WeightFile) -> None:
    dtype = matched.b.dtype
    if not dtype.startswith("float") and not is_raw(dtype):
        quantised = ", dequantised if it was quantised" if dtype.startswith(("int", "uint")) else ""
        raise WeightFileError(
            f"tensor {printable(matched.b.name)} is {dtype}, expected floating-point numbers for "
            f"{printable(matched.a.name)}: store it as float32{quantised}",
            file=stored.file,
            format=stored.format,
        )
