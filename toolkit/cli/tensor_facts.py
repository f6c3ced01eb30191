"""Layers and tensors as `cnnkit inspect` prints them: lines for people, objects for scripts."""

import sys
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.cli.tables import shape_text
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.inspection.layer_tree import Node
    from cnnkit.inspection.statistics import Statistics


def say_node(output: Output, node: "Node", total: int, found: "Mapping[tuple[str, str], Statistics]") -> None:
    """Print a layer and its tensors; `total` is the net's number of parameters."""
    indent = "  " * (node.path.count(".") if node.type else 0)
    line = Text(indent).append(printable(f"{node.path} {node.type or ''}".strip()), style="bold")
    if node.output_shape is not None:
        line.append(f"  -> {shape_text(node.output_shape)}", style="dim")
    if node.parameters:
        line.append(f"  {node.parameters:,} parameters, {node.parameters / total:.1%}")
    output.say(line)
    for k, tensor in enumerate(node.tensors):
        last = k == len(node.tensors) - 1
        output.say(_tensor_line(output, indent, tensor, last, found.get((tensor.kind, tensor.name))))


def _tensor_line(output: Output, indent: str, tensor: "Tensor", last: bool, found: "Statistics | None") -> Text:
    """Return a tensor in one line, or in two on a terminal."""
    name = tensor.name.removeprefix(f"{tensor.layer}.") if tensor.kind != "optimizer" else tensor.name
    role = "" if name == tensor.role else f" {tensor.role}"
    kind = "" if tensor.kind == "parameter" else f" ({tensor.kind})"
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    branch, trunk = ("`-" if last else "|-", "|") if plain else ("└─" if last else "├─", "│")
    line = Text(f"{indent}{branch} ")
    line.append(f"{printable(name + role + kind)}: {_form(tensor)}")
    if found is None:
        return line
    line.append(f"\n{indent}{' ' if last else trunk}    " if output.people.is_terminal else "  ")
    line.append("  ".join(_figures(found)) or "no values", style="dim")
    if found.histogram is not None and found.finite:
        line.append(f"  |{found.histogram.sparkline(plain)}|")
    return line


def heading(tensor: "Tensor") -> str:
    """Return a tensor in one line, as it stands above its values."""
    return f"{printable(tensor.name)}: {_form(tensor)}"


def _form(tensor: "Tensor") -> str:
    axes = f" ({', '.join(tensor.axes)})" if tensor.axes else ""
    return shape_text(tensor.shape) + printable(axes) + f"  {tensor.dtype}  {tensor.parameters:,} values"


def _figures(found: "Statistics") -> "Iterator[str]":
    for key, value in (("min", found.min), ("max", found.max), ("mean", found.mean), ("std", found.std)):
        if value is not None:
            yield f"{key} {value:.4g}"
    for key, count in (("zeros", found.zeros), ("NaN", found.nan), ("inf", found.inf)):
        if count:
            yield f"{key} {count:,}"


def say_rest(output: Output, weights: "WeightFile", optimizer: bool) -> None:
    """Print what is in the file besides: optimizer, what was not read, what was edited."""
    slots = weights.select("optimizer")
    if slots and not optimizer:
        values = sum(tensor.parameters for tensor in slots)
        output.say(Text(f"besides: {len(slots)} optimizer tensors of {values:,} values (--optimizer shows them)"))
    for item in weights.not_read:
        output.say(Text(printable(f"not read: {item.count} {item.what}: {item.reason}")))
    for name in weights.edited:
        output.say(Text(f"edited since it was written: {printable(name)}"))


def provenance(weights: "WeightFile") -> "Iterator[str]":
    """Yield where the weights come from, and how many they are."""
    metadata = weights.metadata
    data, history, made = metadata.get("data"), metadata.get("history"), metadata.get("provenance")
    parts = []
    if "recipe" in metadata:
        parts.append(f"recipe {metadata['recipe']}")
    if isinstance(data, dict) and "name" in data:
        parts.append(f"data {data['name']}")
    if isinstance(history, list) and history:
        parts.append(f"{len(history)} epochs")
    if isinstance(made, dict):
        parts += [str(made[key]) for key in ("backend", "device", "dtype") if key in made]
    if parts:
        yield printable(", ".join(parts))
    yield f"{len(weights.select('parameter'))} tensors of {weights.parameters:,} parameters"


def tensor_json(tensor: "Tensor", found: "Statistics | None") -> dict[str, Any]:
    """Return the keys of a tensor that `cnnkit inspect --json` prints."""
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
    return known if found is None else known | found.to_json()
