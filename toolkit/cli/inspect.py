"""`cnnkit inspect`: the contents of a weight file, layer by layer, tensor by tensor, down to every number."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.completion import complete_layer
from cnnkit.cli.data_source import public_names
from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, External, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.request import Request
from cnnkit.cli.tables import format_size
from cnnkit.cli.watching import watch_reading
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.inspection import Inspection
    from cnnkit.inspection.slices import Parts

EXAMPLE = "cnnkit inspect weights.h5 --layer 0 --values"


@dataclass(frozen=True)
class InspectRequest(Request):
    """What to inspect of which file, and how to print it."""

    file: WeightsFile = DEFAULT_WEIGHTS
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="PATTERN",
            autocompletion=complete_layer,
            help='Only these layers or tensors: 2, "conv*".',
        ),
    ] = None
    values: Annotated[bool, typer.Option("--values", help="Print every number, without limit.")] = False
    part: Annotated[
        str | None, typer.Option("--slice", metavar="PART", help='Print the numbers of one part: "0,:,1:3".')
    ] = None
    no_stats: Annotated[bool, typer.Option("--no-stats", help="Compute nothing: only names and shapes.")] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 on an error, a warning, an edited tensor, or one not read.")
    ] = False
    optimizer: Annotated[bool, typer.Option("--optimizer", help="The optimizer's tensors too.")] = False
    fingerprint: Annotated[
        bool, typer.Option("--fingerprint", help="One hash of all that the training computed: weights, slots, history.")
    ] = False
    external: External = False
    html: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Write everything as one page for a browser.")
    ] = None


def command(request: InspectRequest) -> int:
    """Show the layers and tensors of a weight file: their values, and the faults in them."""
    from cnnkit.cli.inspection_view import print_inspection, print_values
    from cnnkit.files.writing.abandoned import clear_abandoned
    from cnnkit.inspection import inspect, report, slices
    from cnnkit.inspection.layer_tree import select
    from cnnkit.inspection.maker import describe_maker

    clear_abandoned(request.file if request.file.is_dir() else request.file.parent)
    if request.no_stats and (request.strict or request.html):
        option = "--strict" if request.strict else "--html"
        raise ConfigError(f"--no-stats: {option} needs statistics: leave one of them out")
    if request.html is not None:
        report.require_place(request.html)
    parts = None if request.part is None else slices.parse(request.part)
    output = request.output
    printed: tuple[Tensor, ...] = ()
    with watch_reading(output, f"inspecting {request.file.name}") as watch:
        weights = read_complete(request.file, request.external)
        weights = watch(weights, select(weights, request.layer, request.optimizer))
        if request.values or parts is not None:  # checked before any statistics, which may take long
            printed = _require_part(output, select(weights, request.layer, request.optimizer), parts)
        inspection = inspect(weights, request.layer, request.optimizer, compute=not request.no_stats)
        digest = _hash_training(weights) if request.fingerprint else None
    if request.html is not None:
        _write_page(output, request.html, inspection)
    maker = describe_maker(weights, public_names())
    if request.json:
        page = {} if request.html is None else {"html": str(request.html)}
        hashed = {} if digest is None else {"fingerprint": digest}
        output.result(_to_json(inspection, printed, parts) | {"maker": maker} | page | hashed)
    else:
        print_inspection(output, inspection, request.optimizer, digest)
        if maker:
            told = ", ".join(f"{key} {value}" for key, value in maker.items())
            output.say(f"of its maker: {told} (cnnkit export --anonymous leaves it out)", style="dim")
        if printed:
            print_values(output, weights, printed, parts)
    return int(request.strict and inspection.doubtful)


def _hash_training(weights: "WeightFile") -> str:
    from cnnkit.training.fingerprint import fingerprint

    return fingerprint(weights)


def _require_part(output: Output, tensors: tuple["Tensor", ...], parts: "Parts | None") -> tuple["Tensor", ...]:
    """Return the tensors that have the requested part, and note the others. Raises ConfigError when none has it."""
    from cnnkit.inspection.slices import explain_misfit

    if parts is None:
        return tensors
    reasons = {tensor: explain_misfit(parts, tensor.shape) for tensor in tensors}
    for tensor, reason in reasons.items():
        if reason is not None:
            output.note(f"--slice: not of {printable(tensor.name)}: {reason}")
    fitting = tuple(tensor for tensor, reason in reasons.items() if reason is None)
    if not fitting:
        raise ConfigError(f"--slice: no tensor has that part: {next(iter(reasons.values()), 'the file has none')}")
    return fitting


def _write_page(output: Output, target: Path, inspection: "Inspection") -> None:
    from cnnkit.inspection import report

    size = report.write(target, inspection)
    output.note(f"wrote {target} ({format_size(size)}): open it in a browser")


def _to_json(inspection: "Inspection", printed: tuple["Tensor", ...], parts: "Parts | None") -> dict[str, Any]:
    """Return the inspection as JSON, with the values of the printed tensors."""
    from cnnkit.inspection import slices, value_text

    facts, chosen = inspection.to_json(), frozenset(printed)
    for tensor, entry in zip(inspection.tensors, facts["tensors"], strict=True):
        if tensor in chosen:
            entry["values"] = value_text.to_json(*slices.read_part(tensor, parts))
    return facts
