"""Everything that seems wrong with the weights of a network: rules for one tensor, and rules between tensors."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import SEVERITIES, Finding
from cnnkit.inspection.statistics import Statistics
from cnnkit.inspection.unit_rules import find_unit_faults
from cnnkit.inspection.value_rules import find_constant, find_not_finite, find_wrong_scale

Key = tuple[str, str]  # kind and name


def findings(tensors: tuple[Tensor, ...], statistics: Mapping[Key, Statistics]) -> list[Finding]:
    """Return the findings about tensors, given the statistics of each by kind and name; the most serious first."""
    faults: list[Finding] = []
    for tensor in tensors:
        computed = statistics[tensor.kind, tensor.name]
        faults += find_not_finite(tensor, computed)
        if tensor.kind == "parameter":
            for find in (find_constant, find_wrong_scale, find_unit_faults):
                faults += find(tensor, computed)
    faults += _find_never_updated(tensors, statistics)
    faults += _find_odd_types(tensors)
    return sorted(faults, key=lambda finding: SEVERITIES.index(finding.severity))


def _find_never_updated(tensors: Iterable[Tensor], statistics: Mapping[Key, Statistics]) -> Iterator[Finding]:
    """Yield normalisation statistics that still have their initial values: every mean 0, every variance 1."""
    means = {tensor.layer: tensor for tensor in tensors if tensor.role == "mean"}
    variances = {tensor.layer: tensor for tensor in tensors if tensor.role == "variance"}
    for layer, mean in means.items():
        variance = variances.get(layer)
        if variance is not None and _is(statistics, mean, 0.0) and _is(statistics, variance, 1.0):
            message = "running mean 0 and variance 1 everywhere: normalisation statistics that were never updated"
            yield Finding(mean.name, "never_updated", "warning", mean.parameters, (), message)


def _is(statistics: Mapping[Key, Statistics], tensor: Tensor, value: float) -> bool:
    """Return whether every value of a tensor is `value`."""
    computed = statistics.get((tensor.kind, tensor.name))
    if computed is None or not computed.count or computed.finite < computed.count:
        return False
    return computed.min == computed.max == value


def _find_odd_types(tensors: Iterable[Tensor]) -> Iterator[Finding]:
    """Yield parameters in another element type than most values of the network."""
    parameters = [tensor for tensor in tensors if tensor.kind == "parameter" and tensor.parameters]
    values = Counter[str]()
    for tensor in parameters:
        values[tensor.dtype] += tensor.parameters
    if len(values) < 2:
        return
    usual = values.most_common(1)[0][0]
    for tensor in parameters:
        if tensor.dtype != usual:
            wider = _is_wider(tensor.dtype, usual)
            message = f"{tensor.dtype} in a net of {usual}" + (": wider than the rest" if wider else "")
            severity = "warning" if wider else "note"
            yield Finding(tensor.name, "dtype", severity, tensor.parameters, (), message)


def _is_wider(dtype: str, usual: str) -> bool:
    return "float" in dtype and "float" in usual and carrier(dtype).itemsize > carrier(usual).itemsize
