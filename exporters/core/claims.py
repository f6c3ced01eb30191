"""A network's weights, claimed one by one by the layers that need them, for formats that write whole networks."""

from collections.abc import Mapping, Sequence

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.files.names import printable


class Claims:
    """Tensors by name, each of which one layer may take."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._left = dict(tensors)

    def take(self, path: str, name: str, shape: Sequence[int]) -> Tensor:
        """Return a weight of the layer at `path`. Raises ExportError when there is none of that shape."""
        full = f"{path}.{name}"
        tensor = self._left.pop(full, None)
        if tensor is None:
            raise ExportError(f"layer {path}: expected a tensor {full}, which the architecture needs")
        if tensor.shape != tuple(shape):
            raise ExportError(f"tensor {printable(full)}: expected shape {tuple(shape)}, got {tensor.shape}")
        return tensor

    def require_none_left(self) -> None:
        """Raise ExportError when a weight was claimed by no layer."""
        for name in self._left:
            raise ExportError(f"tensor {printable(name)} belongs to no layer of the architecture")
