"""The layers of a weight file with their tensors, and choosing among them by a pattern."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

_DEEPEST = 50  # a file of a stranger may be nested without end
_LISTED = 12


class Node(NamedTuple):
    """A layer of the tree: its path, its type where the file says it, the shape it gives, and its tensors."""

    path: str
    type: str | None
    output_shape: tuple[int, ...] | None
    tensors: tuple[Tensor, ...]

    @property
    def parameters(self) -> int:
        """The trained values of this layer itself."""
        return sum(tensor.parameters for tensor in self.tensors if tensor.kind == "parameter")

    def to_json(self, total: int) -> dict[str, Any]:
        """Return the layer as `cnnkit inspect --json` prints it; `total` is the net's number of parameters."""
        return {
            "path": printable(self.path),
            "type": printable(self.type) if self.type else None,
            "output_shape": list(self.output_shape) if self.output_shape is not None else None,
            "parameters": self.parameters,
            "share": self.parameters / total if total else 0.0,
            "tensors": [printable(tensor.name) for tensor in self.tensors],
        }


def nodes(weights: WeightFile, shown: tuple[Tensor, ...]) -> Iterator[Node]:
    """Yield the layers that the architecture names, in its order, then those that only tensors name."""
    own = dict[str, list[Tensor]]()
    for tensor in shown:
        own.setdefault(tensor.layer, []).append(tensor)
    for layer in described((weights.architecture or {}).get("layers")):
        shape = layer.get("output_shape")
        known = tuple(shape) if isinstance(shape, list) and all(isinstance(n, int) for n in shape) else None
        yield Node(layer["path"], str(layer["type"]), known, tuple(own.pop(layer["path"], ())))
    for path, tensors in own.items():
        yield Node(path, None, None, tuple(tensors))


def described(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield every layer in the JSON of an architecture's layers, combinators before what they hold."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from described(item, depth + 1)
    elif isinstance(value, dict) and isinstance(value.get("path"), str) and "type" in value:
        yield value
        for item in value.values():
            yield from described(item, depth + 1)


def matching(tensors: tuple[Tensor, ...], pattern: str, option: str) -> tuple[Tensor, ...]:
    """Return the tensors whose layer or name fits a pattern: "2", "2.weight", "conv*".

    Raises ConfigError, which names `option` and the layers that there are, when none does.
    """
    found = tuple(
        t for t in tensors if any(fnmatchcase(text, pattern) for text in (t.layer, t.name)) or t.layer == pattern
    )
    if not found:
        layers = list(dict.fromkeys(printable(tensor.layer, 40) for tensor in tensors))
        there = ", ".join(layers[:_LISTED]) + (", ..." if len(layers) > _LISTED else "")
        raise ConfigError(f"{option} {printable(pattern, 60)}: no layer and no tensor of that name: there are {there}")
    return found
