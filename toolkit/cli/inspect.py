"""`cnnkit inspect`: what is in a weight file, layer by layer, tensor by tensor."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.text import Text

from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, Json, Quiet, Verbose, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.tables import shape_text, size_text
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.cli.tensor_facts import Facts
    from cnnkit.exporters import Tensor, WeightFile

NAME = "inspect"
EXAMPLE = "cnnkit inspect weights.h5 --optimizer"


class Node(NamedTuple):
    """A layer of the tree: its path, its type where the file says it, the shape it gives, and its tensors."""

    path: str
    type: str | None
    output_shape: tuple[int, ...] | None
    tensors: tuple["Tensor", ...]

    @property
    def parameters(self) -> int:
        """The trained values of this layer itself."""
        return sum(tensor.parameters for tensor in self.tensors if tensor.kind == "parameter")


def command(
    file: WeightsFile = DEFAULT_WEIGHTS,
    no_stats: Annotated[bool, typer.Option("--no-stats", help="Read no values: names and shapes alone.")] = False,
    optimizer: Annotated[bool, typer.Option("--optimizer", help="The optimizer's tensors too.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Show the layers and tensors of a weight file: role, axes, shape, parameters, and what the values are like."""
    from cnnkit.cli import tensor_facts

    output = Output(json, quiet)
    weights = read_complete(file)
    shown = tuple(tensor for tensor in weights if optimizer or tensor.kind != "optimizer")
    found = {} if no_stats else {(t.kind, t.name): tensor_facts.facts(t) for t in shown}
    digest, size = hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size
    nodes = list(_nodes(weights, shown))

    output.say(Text(f"{file}: {weights.format}, {size_text(size)}"))
    output.say(Text(f"sha256 {digest}"))
    for line in _provenance(weights):
        output.say(Text(line))
    output.say()
    for node in nodes:
        _say_node(output, node, weights.parameters, found)
    _say_rest(output, weights, optimizer)
    findings = [item for key, facts in found.items() for item in tensor_facts.findings(printable(key[1]), facts)]
    for finding in findings:
        output.say(Text(f"finding: {finding['message']}", style="bold red"))
    output.result({
        "file": str(file), "format": weights.format, "size": size, "sha256": digest,
        "edited": [printable(name) for name in weights.edited],
        "not_read": [vars(item).copy() for item in weights.not_read],
        "layers": [_layer_json(node, weights.parameters) for node in nodes],
        "parameters": weights.parameters,
        "tensors": [_tensor_json(tensor, found.get((tensor.kind, tensor.name))) for tensor in shown],
        **({} if no_stats else {"findings": findings}),
        "undefined": {
            path: why
            for key, facts in found.items()
            for path, why in tensor_facts.undefined(printable(key[1]), facts).items()
        },
    })  # fmt: skip
    return 0


def _nodes(weights: "WeightFile", shown: tuple["Tensor", ...]) -> Iterator[Node]:
    """Yield the layers that the architecture names, in its order, then those that only tensors name."""
    rest = list(shown)
    for layer in _layers((weights.architecture or {}).get("layers")):
        own = tuple(tensor for tensor in rest if tensor.layer == layer["path"])
        rest = [tensor for tensor in rest if tensor.layer != layer["path"]]
        shape = layer.get("output_shape")
        known = tuple(shape) if isinstance(shape, list) and all(isinstance(n, int) for n in shape) else None
        yield Node(layer["path"], str(layer["type"]), known, own)
    for path in dict.fromkeys(tensor.layer for tensor in rest):
        yield Node(path, None, None, tuple(tensor for tensor in rest if tensor.layer == path))


def _layers(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield every layer in the architecture's JSON, combinators before what they hold."""
    if depth > 50:  # a file of a stranger may be nested without end
        return
    if isinstance(value, list):
        for item in value:
            yield from _layers(item, depth + 1)
    elif isinstance(value, dict) and isinstance(value.get("path"), str) and "type" in value:
        yield value
        for item in value.values():
            yield from _layers(item, depth + 1)


def _provenance(weights: "WeightFile") -> Iterator[str]:
    metadata = weights.metadata
    data, history = metadata.get("data"), metadata.get("history")
    provenance = metadata.get("provenance")
    parts = []
    if "recipe" in metadata:
        parts.append(f"recipe {metadata['recipe']}")
    if isinstance(data, dict) and "name" in data:
        parts.append(f"data {data['name']}")
    if isinstance(history, list) and history:
        parts.append(f"{len(history)} epochs")
    if isinstance(provenance, dict):
        parts += [str(provenance[key]) for key in ("backend", "device", "dtype") if key in provenance]
    if parts:
        yield printable(", ".join(parts))
    yield f"{len(weights.select('parameter'))} tensors of {weights.parameters:,} parameters"


def _say_node(output: Output, node: Node, total: int, found: dict[tuple[str, str], "Facts"]) -> None:
    depth = node.path.count(".") if node.type else 0
    indent = "  " * depth
    line = Text(indent).append(printable(f"{node.path} {node.type or ''}".strip()), style="bold")
    if node.output_shape is not None:
        line.append(f"  -> {shape_text(node.output_shape)}", style="dim")
    if node.parameters:
        line.append(f"  {node.parameters:,} parameters, {node.parameters / total:.1%}")
    output.say(line)
    for k, tensor in enumerate(node.tensors):
        last = k == len(node.tensors) - 1
        output.say(_tensor_line(output, indent, tensor, last, found.get((tensor.kind, tensor.name))))


def _tensor_line(output: Output, indent: str, tensor: "Tensor", last: bool, facts: "Facts | None") -> Text:
    """Return a tensor in one line, or in two on a terminal."""
    name = tensor.name.removeprefix(f"{tensor.layer}.") if tensor.kind != "optimizer" else tensor.name
    role = "" if name == tensor.role else f" {tensor.role}"
    kind = "" if tensor.kind == "parameter" else f" ({tensor.kind})"
    axes = f" ({', '.join(tensor.axes)})" if tensor.axes else ""
    line = Text(f"{indent}{'└─' if last else '├─'} {printable(name + role + kind)}: ")
    line.append(shape_text(tensor.shape) + printable(axes)).append(f"  {tensor.dtype}  {tensor.parameters:,} values")
    if facts is None:
        return line
    line.append(f"\n{indent}{'  ' if last else '│ '}   " if output.people.is_terminal else "  ")
    numbers = {"min": facts.min, "max": facts.max, "mean": facts.mean, "std": facts.std}
    told = [f"{key} {value:.4g}" for key, value in numbers.items() if value is not None]
    told += [f"{key} {n:,}" for key, n in (("zeros", facts.zeros), ("NaN", facts.nan), ("inf", facts.inf)) if n]
    return line.append("  ".join(told) or "no values", style="dim")


def _say_rest(output: Output, weights: "WeightFile", optimizer: bool) -> None:
    slots = weights.select("optimizer")
    if slots and not optimizer:
        values = sum(tensor.parameters for tensor in slots)
        output.say(Text(f"besides: {len(slots)} optimizer tensors of {values:,} values (--optimizer shows them)"))
    for item in weights.not_read:
        output.say(Text(printable(f"not read: {item.count} {item.what}: {item.reason}")))
    for name in weights.edited:
        output.say(Text(f"edited since it was written: {printable(name)}"))


def _layer_json(node: Node, total: int) -> dict[str, Any]:
    return {
        "path": printable(node.path),
        "type": printable(node.type) if node.type else None,
        "output_shape": list(node.output_shape) if node.output_shape is not None else None,
        "parameters": node.parameters,
        "share": node.parameters / total if total else 0.0,
        "tensors": [printable(tensor.name) for tensor in node.tensors],
    }


def _tensor_json(tensor: "Tensor", facts: "Facts | None") -> dict[str, Any]:
    known = {
        "name": printable(tensor.name),
        "layer": printable(tensor.layer),
        "kind": tensor.kind,
        "role": tensor.role,
        "axes": [printable(axis) for axis in tensor.axes],
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "parameters": tensor.parameters,
    }
    return known if facts is None else known | facts.to_json()
