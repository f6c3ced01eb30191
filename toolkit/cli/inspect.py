"""`cnnkit inspect`: what is in a weight file, layer by layer, tensor by tensor, down to every number."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, Json, Quiet, Verbose, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.tables import size_text
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.exporters.core.weight_file import Array
    from cnnkit.inspection import Finding, Statistics
    from cnnkit.inspection.slices import Part

EXAMPLE = "cnnkit inspect weights.h5 --layer 0 --values"
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def command(
    file: WeightsFile = DEFAULT_WEIGHTS,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="PATTERN", help='Only these layers or tensors: 2, "conv*".')
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="Every number, never cut.")] = False,
    part: Annotated[
        str | None, typer.Option("--slice", metavar="PART", help='The numbers of one part: "0,:,1:3".')
    ] = None,
    no_stats: Annotated[bool, typer.Option("--no-stats", help="Compute nothing: names and shapes alone.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 on an error, a warning, an edited tensor, or one not read.")
    ] = False,
    optimizer: Annotated[bool, typer.Option("--optimizer", help="The optimizer's tensors too.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Write it all as one page for a browser.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Show the layers and tensors of a weight file: what their values are like, and what is wrong with them."""
    from cnnkit.cli import tensor_facts
    from cnnkit.files.file_digest import FileDigest
    from cnnkit.inspection import findings, layer_tree, slices, statistics

    if no_stats and (strict or html):
        raise ConfigError(f"--no-stats: {'--strict' if strict else '--html'} needs statistics: leave one of them out")
    parts = None if part is None else slices.parse(part)
    output = Output(json, quiet)
    with FileDigest(file) as beside:
        weights = read_complete(file)
        shown = tuple(tensor for tensor in weights if optimizer or tensor.kind != "optimizer")
        if layer is not None:
            shown = layer_tree.matching(shown, layer, "--layer")
        printed = _printed(output, shown, parts) if values or parts is not None else ()
        found = {} if no_stats else {(tensor.kind, tensor.name): statistics(tensor) for tensor in shown}
        digest = beside.result()
    wrong = [] if no_stats else findings(shown, found)
    told = frozenset(printed)
    nodes = [node for node in layer_tree.nodes(weights, shown) if node.tensors or layer is None]
    if html is not None:
        _write_page(output, html, weights, shown, found, wrong)

    output.say(Text(f"{file}: {weights.format}, {size_text(file.stat().st_size)}"))
    output.say(Text(f"sha256 {digest}"))
    for line in tensor_facts.provenance(weights):
        output.say(Text(line))
    output.say()
    for node in nodes:
        tensor_facts.say_node(output, node, weights.parameters, found)
    tensor_facts.say_rest(output, weights, optimizer)
    for finding in wrong:
        output.say(Text(f"finding: {finding.line}", style=_STYLES[finding.severity]))
    if not json:
        _say_values(weights, printed, parts)
    output.result({
        "file": str(file), "format": weights.format, "size": file.stat().st_size, "sha256": digest,
        "edited": [printable(name) for name in weights.edited],
        "not_read": [vars(item).copy() for item in weights.not_read],
        "layers": [node.to_json(weights.parameters) for node in nodes],
        "parameters": weights.parameters,
        "tensors": [_tensor_json(tensor, found.get((tensor.kind, tensor.name)), told, parts) for tensor in shown],
        **({} if no_stats else {"findings": [finding.to_json() for finding in wrong]}),
        **({} if html is None else {"html": str(html)}),
        "undefined": {
            f"{printable(name)}.{key}": reason
            for (_, name), statistics in found.items()
            for key, reason in statistics.undefined().items()
        },
    })  # fmt: skip
    doubtful = weights.edited or weights.not_read
    return int(strict and bool(doubtful or any(finding.severity != "note" for finding in wrong)))


def _printed(output: Output, shown: tuple["Tensor", ...], parts: "tuple[Part, ...] | None") -> tuple["Tensor", ...]:
    """Return the tensors that have the part that is asked for. Raises ConfigError when none has."""
    from cnnkit.inspection import slices

    if parts is None:
        return shown
    reasons = {tensor: slices.misfit(parts, tensor.shape) for tensor in shown}
    for tensor, reason in reasons.items():
        if reason is not None:
            output.note(f"--slice: not of {printable(tensor.name)}: {reason}")
    fitting = tuple(tensor for tensor, reason in reasons.items() if reason is None)
    if not fitting:
        raise ConfigError(f"--slice: no tensor has that part: {next(iter(reasons.values()), 'there is none')}")
    return fitting


def _part_of(tensor: "Tensor", parts: "tuple[Part, ...] | None") -> "tuple[Tensor, Array]":
    """Return a part of a tensor, as a tensor that has its shape, and the values."""
    import numpy as np

    from cnnkit.inspection import slices

    array = tensor.read()
    if parts is None:
        return tensor, array
    values = np.ascontiguousarray(array[parts]).reshape(np.shape(array[parts]))
    return replace(tensor, shape=values.shape, axes=slices.kept_axes(parts, tensor.axes)), values


def _say_values(weights: "WeightFile", printed: tuple["Tensor", ...], parts: "tuple[Part, ...] | None") -> None:
    from cnnkit.cli import tensor_facts
    from cnnkit.exporters.core.architecture import find_flattened_images
    from cnnkit.inspection import value_text

    maps = find_flattened_images(weights.architecture)
    for tensor in printed:
        piece, values = _part_of(tensor, parts)
        sys.stdout.write(f"\n{tensor_facts.heading(piece)}\n")
        image = maps.get(tensor.layer) if tensor.role == "weight" else None
        for text in value_text.lines(piece, values, image):
            sys.stdout.write(text)


def _tensor_json(
    tensor: "Tensor",
    found: "Statistics | None",
    printed: frozenset["Tensor"],
    parts: "tuple[Part, ...] | None",
) -> dict[str, Any]:
    from cnnkit.cli import tensor_facts
    from cnnkit.inspection import value_text

    told = tensor_facts.tensor_json(tensor, found)
    return told | {"values": value_text.as_json(*_part_of(tensor, parts))} if tensor in printed else told


def _write_page(
    output: Output,
    target: Path,
    weights: "WeightFile",
    shown: tuple["Tensor", ...],
    found: dict[tuple[str, str], "Statistics"],
    wrong: list["Finding"],
) -> None:
    from cnnkit.inspection import report

    size = report.write(target, weights, shown, found, wrong)
    output.note(f"wrote {target} ({size_text(size)}): open it in a browser")
