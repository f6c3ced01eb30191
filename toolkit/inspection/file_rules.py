"""What is wrong between tensors: statistics that no training touched, element types that do not fit together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cnnkit.exporters.core.element_types import carrier
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.inspection.finding import Finding
from cnnkit.inspection.statistics import Statistics

Key = tuple[str, str]  # kind and name


def never_updated(tensors: Iterable[Tensor], found: Mapping[Key, Statistics]) -> Iterator[Finding]:
    """Yield normalisation statistics that are as they were made: every mean 0, every variance 1."""
    means, variances = dict[str, Tensor](), dict[str, Tensor]()
    for tensor in tensors:
        if tensor.role == "mean":
            means[tensor.layer] = tensor
        elif tensor.role == "variance":
            variances[tensor.layer] = tensor
    for layer, mean in means.items():
        variance = variances.get(layer)
        if variance is not None and _is(found, mean, 0.0) and _is(found, variance, 1.0):
            message = "running mean 0 and variance 1 everywhere: normalisation statistics that were never updated"
            yield Finding(mean.name, "never_updated", "warning", mean.parameters, (), message)


def _is(found: Mapping[Key, Statistics], tensor: Tensor, value: float) -> bool:
    known = found.get((tensor.kind, tensor.name))
    return known is not None and known.count > 0 and known.finite == known.count and known.min == known.max == value


def element_types(tensors: Iterable[Tensor]) -> Iterator[Finding]:
    """Yield parameters in another element type than most of the net's values have."""
    parameters = [tensor for tensor in tensors if tensor.kind == "parameter" and tensor.parameters]
    values = Counter[str]()
    for tensor in parameters:
        values[tensor.dtype] += tensor.parameters
    if len(values) < 2:
        return
    usual = values.most_common(1)[0][0]
    for tensor in parameters:
        if tensor.dtype != usual:
            floating = "float" in tensor.dtype and "float" in usual
            wider = floating and carrier(tensor.dtype).itemsize > carrier(usual).itemsize
            message = f"{tensor.dtype} in a net of {usual}" + (": wider than the rest" if wider else "")
            severity = "warning" if wider else "note"
            yield Finding(tensor.name, "dtype", severity, tensor.parameters, (), message)
