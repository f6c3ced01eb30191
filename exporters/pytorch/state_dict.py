"""A WeightFile under the names of PyTorch's modules: gamma is weight, mean is running_mean."""

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

_NAMES = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
_OTHER_LAYOUTS = (("kh", "kw", "i", "o"), ("in", "out"))  # Keras'
_HELD = ("parameter", "state", "other")
_COUNTER = "num_batches_tracked"


def name_for_torch(weights: WeightFile) -> dict[str, Tensor]:
    """Return {name in PyTorch: tensor} in the order of the net.

    A layer with running statistics gets the batch counter of torch.nn.BatchNorm2d, at 0 where it is not known.

    Raises ExportError when two tensors have one name.
    """
    tensors: dict[str, Tensor] = {}
    for tensor in weights:
        if tensor.kind not in _HELD:
            continue
        name = _rename(tensor)
        if name in tensors:
            raise ExportError(f"{tensor.kind} {printable(name)}: a state_dict holds one tensor of that name, got two")
        tensors[name] = tensor
    return _add_counters(tensors)


def list_losses(weights: WeightFile) -> tuple[str, ...]:
    """Return a line for everything that a state_dict cannot hold."""
    lines = []
    if weights.architecture is not None:
        lines.append("the architecture: a state_dict names tensors, not layers; build the torch.nn.Module yourself")
    if weights.metadata:
        lines.append(f"metadata: {', '.join(printable(key, 40) for key in weights.metadata)}")
    if weights.position is not None:
        lines.append("the position of the training")
    if any(tensor.axes in _OTHER_LAYOUTS for tensor in weights):
        lines.append("the layout of PyTorch: kernels (kh, kw, i, o) and weights (in, out) are written as they are")
    for kind in ("optimizer", "activation"):
        if count := len(weights.select(kind)):
            lines.append(f"{count} tensors of kind {kind}")
    return tuple(lines)


def _rename(tensor: Tensor) -> str:
    folder, dot, last = tensor.name.rpartition(".")
    return f"{folder}{dot}{_NAMES[last]}" if last == tensor.role and last in _NAMES else tensor.name


def _add_counters(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    complete: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        complete[name] = tensor
        folder, dot, last = name.rpartition(".")
        counter = f"{folder}{dot}{_COUNTER}"
        if last == "running_var" and f"{folder}{dot}running_mean" in tensors and counter not in tensors:
            complete[counter] = Tensor.of(counter, np.zeros((), np.int64), kind="state")
    return complete
