"""Everything that seems wrong with the weights of a net, most serious first."""

from collections.abc import Iterator, Mapping

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.file_rules import Key, element_types, never_updated
from cnnkit.inspection.finding import SEVERITIES, Finding
from cnnkit.inspection.statistics import Statistics
from cnnkit.inspection.unit_rules import dead, duplicates
from cnnkit.inspection.value_rules import constant, not_finite, scale


def findings(tensors: tuple[Tensor, ...], found: Mapping[Key, Statistics]) -> list[Finding]:
    """Return what is wrong with tensors whose statistics are `found`, by kind and name."""
    shown = list(_findings(tensors, found))
    return sorted(shown, key=lambda finding: SEVERITIES.index(finding.severity))


def _findings(tensors: tuple[Tensor, ...], found: Mapping[Key, Statistics]) -> Iterator[Finding]:
    for tensor in tensors:
        known = found[tensor.kind, tensor.name]
        yield from not_finite(tensor, known)
        if tensor.kind == "parameter":
            for rule in (constant, scale, dead, duplicates):
                yield from rule(tensor, known)
    yield from never_updated(tensors, found)
    yield from element_types(tensors)
