"""The weights of a network, claimed one by one by its layers, for formats that write whole networks."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

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
    """Tensors by name, each of which one layer may take, and those that share its weights."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._unclaimed, self._taken = dict(tensors), dict[str, Tensor]()
        self._owners, self._shared = list[tuple[str, str]](), set[str]()

    @property
    def taken(self) -> tuple[Tensor, ...]:
        """What layers have taken, each once, in the order of the first."""
        return tuple(self._taken.values())

    @contextlib.contextmanager
    def sharing(self, path: str, owner: str | None) -> Iterator[None]:
        """Give the layers at and below `path` the weights at and below `owner`; None changes nothing."""
        if owner is None:
            yield
            return
        self._owners.append((path, owner))
        yield
        self._owners.pop()

    def take(self, path: str, name: str, shape: Sequence[int]) -> Tensor:
        """Return a weight of the layer at `path`. Raises ExportError when there is none of that shape."""
        owner = self.find_owner(path)
        full = f"{owner}.{name}"
        if owner != path:
            self._shared.add(full)
        tensor = self._unclaimed.pop(full, None)
        if tensor is None and full in self._shared:
            tensor = self._taken.get(full)
        if tensor is None:
            raise ExportError(f"layer {path}: expected a tensor {full}, which the architecture needs")
        if tensor.shape != tuple(shape):
            raise ExportError(f"tensor {printable(full)}: expected shape {tuple(shape)}, got {tensor.shape}")
        self._taken[full] = tensor
        return tensor

    def find_owner(self, path: str) -> str:
        """Return the path whose weights the layer at `path` uses: its own but for what shares."""
        for shared, owner in reversed(self._owners):
            if path == shared or path.startswith(f"{shared}."):
                path = owner + path.removeprefix(shared)
        return path

    def require_none_left(self) -> None:
        """Raise ExportError when no layer has claimed some weight."""
        for name in self._unclaimed:
            raise ExportError(f"tensor {printable(name)} belongs to no layer of the architecture")
