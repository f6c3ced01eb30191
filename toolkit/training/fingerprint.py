"""One hash of everything that a training computed: two trainings have the same one when all their bits are the same.

The text that is hashed is short, and can be read, compared line by line, and made by other programs:

    parameter 0.weight float32 (120, 64) 3b0c...      a tensor: kind, name, dtype, shape, SHA-256 of its values
    history {"accuracy":0.91,"epoch":1,...}           an epoch, without its seconds
    position {"batch":0,"epoch":3,...}                where the training is, without seconds and chain of hashes

Tensors are those of kind parameter, state and optimizer (slots, averages, the weights of the latest epoch), sorted by
kind and name; their values are hashed in C order, little-endian, in the stored dtype. JSON has sorted names and no
spaces; a number is written with the fewest digits that give its bits back. Each line ends with a line feed.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from cnnkit.exporters.core.weight_file import KINDS, Tensor, WeightFile
from cnnkit.training.checkpoint import to_weights
from cnnkit.training.training import Training

_TRAINED = KINDS[: KINDS.index("optimizer") + 1]
# What depends on the clock, on how many epochs somebody wants, and on how many links of a chain are kept.
_NOT_COMPUTED = ("seconds", "finished", "planned", "chain")


def fingerprint(trained: Training | WeightFile) -> str:
    """Return the SHA-256, in hex, of the lines of a training or of the weight file that one wrote."""
    text = "".join(f"{line}\n" for line in fingerprint_lines(trained))
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_lines(trained: Training | WeightFile) -> Iterator[str]:
    """Yield the lines that are hashed, without their line feeds; where two trainings differ, these say in what."""
    file = to_weights(trained) if isinstance(trained, Training) else trained
    chosen = [tensor for tensor in file.tensors if tensor.kind in _TRAINED]
    for tensor in sorted(chosen, key=lambda tensor: (_TRAINED.index(tensor.kind), tensor.name)):
        yield tensor_line(tensor)
    history = file.metadata.get("history")
    for entry in history if isinstance(history, list) else ():
        yield f"history {_write(entry)}"
    if file.position is not None:
        yield f"position {_write(file.position)}"


def tensor_line(tensor: Tensor) -> str:
    """Return the line of one tensor."""
    return f"{tensor.kind} {tensor.name} {tensor.dtype} {tensor.shape} {tensor.sha256()}"


def _write(value: Any) -> str:
    return json.dumps(_drop_not_computed(value), sort_keys=True, separators=(",", ":"))


def _drop_not_computed(value: Any) -> Any:
    """Return a JSON value without the fields that no step computes, at any depth."""
    if isinstance(value, dict):
        return {name: _drop_not_computed(inner) for name, inner in value.items() if name not in _NOT_COMPUTED}
    return [_drop_not_computed(inner) for inner in value] if isinstance(value, list | tuple) else value
