"""The layers of an inspection and their tensors as lines: for a terminal with styles, for a pipe as they are."""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from cnnkit.cli.output import Output
from cnnkit.cli.tables import BATCH, MOST, format_fields, format_shape, print_lines
from cnnkit.files.names import format_count, printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor
    from cnnkit.inspection import Inspection, Statistics
    from cnnkit.inspection.layer_tree import LayerNode

_GROUPS = 8


def print_layers(output: Output, inspection: "Inspection") -> None:
    """Print a line for each layer and each tensor; of very many a terminal gets the first, and the sum of the rest."""
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    if not output.people.is_terminal:
        print_lines(output, (line for node in inspection.layers for line in _write_layer(node, inspection, ascii_only)))
        return
    left = MOST
    texts = (text for node in inspection.layers for text in _format_layer(output, node, inspection, ascii_only))
    while batch := list(itertools.islice(texts, min(BATCH, left))):
        left -= len(batch)
        output.say(Text("\n").join(batch))
    hidden = len(inspection.layers) + len(inspection.tensors) - MOST
    if hidden > 0:
        output.say(f"... and {hidden:,} more layers and tensors: --layer PATTERN shows those you name, --json all")
        output.say(f"all {format_count(len(inspection.tensors), 'tensor')}: {_sum_groups(inspection)}")


def _sum_groups(inspection: "Inspection") -> str:
    """Return the number of tensors under each first part of their names, the largest groups first."""
    groups = Counter(tensor.name.partition(".")[0] for tensor in inspection.tensors).most_common()
    shown = [f"{printable(name, 40)} {count:,}" for name, count in groups[:_GROUPS]]
    return ", ".join(shown) + (f", and {len(groups) - _GROUPS:,} groups more" if len(groups) > _GROUPS else "")


def _format_layer(output: Output, layer: "LayerNode", inspection: "Inspection", ascii_only: bool) -> Iterator[Text]:
    """Yield a layer and its tensors as lines for a terminal, in more where it is narrow."""
    indent, title, rest = _describe_layer(layer, inspection)
    shape, share = rest
    yield Text(indent).append(title, style="bold").append(shape, style="dim").append(share)
    for tensor in layer.tensors:
        first, below = _draw_branches(indent, tensor is layer.tensors[-1], ascii_only)
        facts, figures, histogram = _describe_values(tensor, inspection.statistics_of(tensor), ascii_only)
        lines = [
            [(fact, "") for fact in facts],
            [*((figure, "dim") for figure in figures), *((h, "") for h in histogram)],
        ]
        yield Text("\n").join(
            format_fields(output, *fields, first=start, indent=below, gap="  ")
            for fields, start in zip(lines, (first, below), strict=True)
            if fields
        )


def _write_layer(layer: "LayerNode", inspection: "Inspection", ascii_only: bool) -> Iterator[str]:
    """Yield the same as plain lines for a pipe, one for each tensor."""
    indent, title, rest = _describe_layer(layer, inspection)
    yield indent + title + "".join(rest)
    for tensor in layer.tensors:
        first, _ = _draw_branches(indent, tensor is layer.tensors[-1], ascii_only)
        parts = _describe_values(tensor, inspection.statistics_of(tensor), ascii_only)
        yield first + "  ".join(text for part in parts for text in part)


def _describe_layer(layer: "LayerNode", inspection: "Inspection") -> tuple[str, str, tuple[str, str]]:
    """Return the indent of a layer, its title, and (shape, share of all parameters)."""
    indent = "  " * (layer.path.count(".") if layer.type else 0)
    title = printable(layer.title.strip())
    shape = f"  -> {format_shape(layer.output_shapes)}" if layer.output_shapes else ""
    number, share = layer.parameters, ""
    if number:
        share = f"  {format_count(number, 'parameter')}, {number / inspection.weights.parameters:.1%}"
    return indent, title, (shape, share)


def _draw_branches(indent: str, last: bool, ascii_only: bool) -> tuple[str, str]:
    """Return what the first line of a tensor and the others begin with."""
    (branch, trunk), (corner, blank) = (("|-", "|"), ("`-", " ")) if ascii_only else (("├─", "│"), ("└─", " "))
    return f"{indent}{corner if last else branch} ", f"{indent}{blank if last else trunk}    "


def _describe_values(
    tensor: "Tensor", computed: "Statistics | None", ascii_only: bool
) -> tuple[list[str], list[str], list[str]]:
    """Return what is known of a tensor without its values, their figures, and a picture of their histogram."""
    name = tensor.name.removeprefix(f"{tensor.layer}.") if tensor.kind != "optimizer" else tensor.name
    role = "" if name == tensor.role else f" {tensor.role}"
    kind = "" if tensor.kind == "parameter" else f" ({tensor.kind})"
    facts = describe_tensor(tensor, name + role + kind).split("  ")
    if computed is None:
        return facts, [], []
    figures = _format_figures(computed) or ["no values"]
    drawn = computed.histogram is not None and computed.finite
    return facts, figures, [f"|{computed.histogram.sparkline(ascii_only)}|"] if drawn and computed.histogram else []


def describe_tensor(tensor: "Tensor", title: str | None = None) -> str:
    """Return the title (the tensor's name by default), shape, axes, type, size and sharing of a tensor in one line."""
    axes = f" ({', '.join(tensor.axes)})" if tensor.axes else ""
    form = format_shape(tensor.shape) + printable(axes)
    shared = f", those of {printable(tensor.shares)}" if tensor.shares is not None else ""
    return (
        f"{printable(title or tensor.name)}: {form}  {tensor.dtype}  {format_count(tensor.parameters, 'value')}{shared}"
    )


def _format_figures(computed: "Statistics") -> list[str]:
    figures = []
    for key in ("min", "max", "mean", "std"):
        value = getattr(computed, key)
        if value is not None:
            figures.append(f"{key} {value:.4g}")
    for key, count in (("zeros", computed.zeros), ("NaN", computed.nan), ("inf", computed.inf)):
        if count:
            figures.append(f"{key} {count:,}")
    return figures
