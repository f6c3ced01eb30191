"""A WeightFile under the names of PyTorch's modules: gamma is weight, mean is running_mean."""

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

_NAMES = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
_OTHER_LAYOUTS = (("kh", "kw", "i", "o"), ("in", "out"))  # Keras'
_HELD = ("parameter", "state", "other")
_COUNTER = "num_batches_tracked"


def state_dict(weights: WeightFile) -> dict[str, Tensor]:
    """Return {name in PyTorch: tensor} in the order of the net.

    A layer with running statistics gets the counter of batches that torch.nn.BatchNorm2d has, at 0 where none is known.

    Raises ExportError when two tensors have one name.
    """
    found: dict[str, Tensor] = {}
    for tensor in weights:
        if tensor.kind not in _HELD:
            continue
        name = _name(tensor)
        if name in found:
            raise ExportError(
                f"{tensor.kind} {printable(name)}: a state_dict holds one tensor of that name, here are two"
            )
        found[name] = tensor
    return _with_counters(found)


def losses(weights: WeightFile) -> tuple[str, ...]:
    """Return a line for everything that a state_dict has no place for."""
    lines = []
    if weights.architecture is not None:
        lines.append("the architecture: a state_dict names tensors, not layers; build the torch.nn.Module yourself")
    if weights.metadata:
        lines.append(f"metadata: {', '.join(printable(key, 40) for key in weights.metadata)}")
    if weights.position is not None:
        lines.append("where training stands")
    if any(tensor.axes in _OTHER_LAYOUTS for tensor in weights):
        lines.append("another layout than the file's: kernels (kh, kw, i, o) and weights (in, out) stay as they are")
    for kind in ("optimizer", "activation"):
        if count := len(weights.select(kind)):
            lines.append(f"{count} tensors of kind {kind}")
    return tuple(lines)


def _name(tensor: Tensor) -> str:
    folder, dot, last = tensor.name.rpartition(".")
    return f"{folder}{dot}{_NAMES[last]}" if last == tensor.role and last in _NAMES else tensor.name


def _with_counters(found: dict[str, Tensor]) -> dict[str, Tensor]:
    complete: dict[str, Tensor] = {}
    for name, tensor in found.items():
        complete[name] = tensor
        folder, dot, last = name.rpartition(".")
        counter = f"{folder}{dot}{_COUNTER}"
        if last == "running_var" and f"{folder}{dot}running_mean" in found and counter not in found:
            complete[counter] = Tensor.of(counter, np.zeros((), np.int64), kind="state")
    return complete
