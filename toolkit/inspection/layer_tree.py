"""The layers of a weight file with their tensors, and the selection of tensors by a pattern."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from cnnkit.errors import ConfigError
from cnnkit.exporters.core.architecture import all_layers, outer_layers
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable

_LISTED = 12


class LayerNode(NamedTuple):
    """A layer of the tree: path, type (None where the file has none), shapes of its outputs, and its tensors.

    shares: the name of the node of a Graph whose weights it uses again, "" for weights of its own
    """

    path: str
    type: str | None
    output_shapes: tuple[tuple[int, ...], ...]
    tensors: tuple[Tensor, ...]
    shares: str = ""

    @property
    def kind(self) -> str:
        """Its type, and what it runs again."""
        return (self.type or "") + (f", {self.shares} again" if self.shares else "")

    @property
    def title(self) -> str:
        """Path and kind."""
        return f"{self.path} {self.kind}" if self.kind else self.path

    @property
    def output(self) -> str:
        """The shapes of its outputs: "4 × 6 × 6"; "" where the file has none."""
        return format_shapes(self.output_shapes)

    @property
    def parameters(self) -> int:
        """The number of trained values of this layer, without those of the layers inside it and of an earlier one."""
        return sum(tensor.own_parameters for tensor in self.tensors if tensor.kind == "parameter")

    def to_json(self, total: int) -> dict[str, Any]:
        """Return the layer as `cnnkit inspect --json` prints it; `total` is the network's number of parameters."""
        shapes = [list(shape) for shape in self.output_shapes]
        about = {
            "path": self.path,
            "type": self.type or None,
            "output_shape": shapes[0] if len(shapes) == 1 else shapes or None,
            "parameters": self.parameters,
            "share": self.parameters / total if total else 0.0,
            "tensors": [tensor.name for tensor in self.tensors],
        }
        return about | ({"shares": self.shares} if self.shares else {})


def format_shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    """((4, 6, 6), (10,)) -> "4 × 6 × 6 and 10"."""
    return " and ".join(" × ".join(map(str, shape)) for shape in shapes)


def list_layers(weights: WeightFile, tensors: tuple[Tensor, ...]) -> Iterator[LayerNode]:
    """Yield the layers of the architecture, in its order, then those that only the tensors name."""
    by_layer = dict[str, list[Tensor]]()
    for tensor in tensors:
        by_layer.setdefault(tensor.layer, []).append(tensor)
    for layer in all_layers(outer_layers(weights.architecture)):
        yield LayerNode(layer.path, layer.type, layer.output_shapes, tuple(by_layer.pop(layer.path, ())), layer.shares)
    for path, rest in by_layer.items():
        yield LayerNode(path, None, (), tuple(rest))


def select(weights: WeightFile, layer: str | None = None, optimizer: bool = False) -> tuple[Tensor, ...]:
    """Return the tensors that match the pattern `layer`, all by default; those of the optimizer only on request.

    Raises ConfigError when none matches.
    """
    tensors = tuple(tensor for tensor in weights if optimizer or tensor.kind != "optimizer")
    return tensors if layer is None else match_layer(weights, tensors, layer, "--layer")


def match_layer(weights: WeightFile, tensors: tuple[Tensor, ...], pattern: str, option: str) -> tuple[Tensor, ...]:
    """Return the tensors that match a pattern. Raises ConfigError, also for a layer of the file without weights."""
    known = {layer.path: layer.type for layer in all_layers(outer_layers(weights.architecture))}
    if pattern in known and not any(t.layer == pattern or t.layer.startswith(f"{pattern}.") for t in tensors):
        kind, having = printable(str(known[pattern])), _list_names(tensors)
        raise ConfigError(f"{option} {printable(pattern)}: a {kind}, which has no weights: choose one of {having}")
    return match(tensors, pattern, option)


def match(tensors: tuple[Tensor, ...], pattern: str, option: str) -> tuple[Tensor, ...]:
    """Return the tensors whose layer or name matches a pattern: "2", "2.weight", "conv*".

    A layer or tensor of that very name comes first; then [...] is one of several characters, as in a shell; and last
    only * and ? have a meaning, for names with brackets in them.

    Raises ConfigError, which names `option` and the existing layers, when none does.
    """
    matching = tuple(tensor for tensor in tensors if pattern in (tensor.layer, tensor.name))
    for glob in (pattern, pattern.replace("[", "[[]")):
        matching = matching or tuple(t for t in tensors if fnmatchcase(t.layer, glob) or fnmatchcase(t.name, glob))
    if not matching:
        known = _list_names(tensors)
        raise ConfigError(f"{option} {printable(pattern, 60)}: no layer and no tensor of that name: there are {known}")
    return matching


def _list_names(tensors: tuple[Tensor, ...]) -> str:
    layers = list(dict.fromkeys(printable(tensor.layer, 40) for tensor in tensors))
    return ", ".join(layers[:_LISTED]) + (", ..." if len(layers) > _LISTED else "")
