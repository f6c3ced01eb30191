"""The weights of a network, claimed one by one by its layers, for formats that write whole networks."""

from collections.abc import Mapping, Sequence

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

_FLOATS = ("float16", "float32", "float64")


def select_network_tensors(weights: WeightFile) -> tuple[Tensor, ...]:
    """Return what the network needs, parameters and state, in order."""
    return tuple(tensor for tensor in weights if tensor.kind in ("parameter", "state"))


def require_float_type(tensors: Sequence[Tensor], program: str) -> str:
    """Return the floating-point type of all tensors, "float32" of none. Raises ExportError for several or another."""
    dtypes = sorted({tensor.dtype for tensor in tensors}) or ["float32"]
    if len(dtypes) > 1 or dtypes[0] not in _FLOATS:
        raise ExportError(f"{program}: expected weights of one of {', '.join(_FLOATS)}, got {', '.join(dtypes)}")
    return dtypes[0]


class Claims:
    """Tensors by name, each of which one layer may take."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._unclaimed = dict(tensors)

    def take(self, path: str, name: str, shape: Sequence[int]) -> Tensor:
        """Return a weight of the layer at `path`. Raises ExportError when there is none of that shape."""
        full = f"{path}.{name}"
        tensor = self._unclaimed.pop(full, None)
        if tensor is None:
            raise ExportError(f"layer {path}: expected a tensor {full}, which the architecture needs")
        if tensor.shape != tuple(shape):
            raise ExportError(f"tensor {printable(full)}: expected shape {tuple(shape)}, got {tensor.shape}")
        return tensor

    def require_none_left(self) -> None:
        """Raise ExportError when no layer has claimed some weight."""
        for name in self._unclaimed:
            raise ExportError(f"tensor {printable(name)} belongs to no layer of the architecture")
