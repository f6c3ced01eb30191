"""`cnnkit adopt`: a stranger's network as one of cnnkit's, and what each of its nodes became."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.choice import choose_recipe
from cnnkit.cli.completion import complete_format
from cnnkit.cli.options import BackendName, External, FittingModel, FittingRecipe, ScalingName
from cnnkit.cli.place import require_other
from cnnkit.cli.request import Request
from cnnkit.cli.shapes import parse_shape
from cnnkit.cli.tables import format_size, print_sentence, print_table
from cnnkit.documents import Cell, TableEntry
from cnnkit.errors import ConfigError, ExportError
from cnnkit.files.names import format_count, printable

if TYPE_CHECKING:
    from cnnkit.adopting.adopted import Adopted
    from cnnkit.adopting.checking import AdoptionCheck
    from cnnkit.backends.protocol import Backend

EXAMPLE = "cnnkit adopt resnet18.onnx -o net.h5 --check --scaling imagenet"
MOST = 60  # nodes that are listed without -v
_SMALL = 50_000_000  # multiply-adds of all samples that the reference backend computes


@dataclass(frozen=True)
class AdoptRequest(Request):
    """A stranger's file, the place for its network, and what to compare."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX or Keras file, or weights for --recipe.")]
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="Where to write the network, in any format.")
    ] = None
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", autocompletion=complete_format, help="Of OUT; else by suffix."),
    ] = None
    recipe: FittingRecipe = None
    model: FittingModel = None
    input_shape: Annotated[
        str | None, typer.Option(metavar="C,H,W", help="Shape of a sample, where FILE leaves it open.")
    ] = None
    external: External = False
    scaling: ScalingName = None
    check: Annotated[
        bool, typer.Option("--check", help="Compare every node with FILE's own runtime on drawn inputs.")
    ] = False
    samples: Annotated[int, typer.Option(min=1, max=1024, metavar="N", help="--check: drawn inputs.")] = 4
    backend: BackendName = "numpy"
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: AdoptRequest) -> int:
    """Make a network of cnnkit's layers of a stranger's file, say what each node became, and compare the two.

    No code of FILE is run. With --check the status is 1 when an output differs by more than 1e-4 of its largest value.
    """
    from cnnkit.adopting.opening import adopt, count_values, describe_shape
    from cnnkit.data.scaling import parse_scaling

    output, file = request.output, request.file
    _require_out(request)
    chosen = None if request.scaling is None else parse_scaling(request.scaling)
    named = request.recipe is not None or request.model is not None
    recipe = choose_recipe(request.recipe, request.model) if named else None
    shape = None if request.input_shape is None else parse_shape(request.input_shape, "--input-shape")
    adopted = adopt(file, recipe=recipe, external=request.external, input_shape=shape)
    if chosen is not None:
        adopted = replace(adopted, metadata={**adopted.metadata, "scaling": chosen.to_json()})
    _print_nodes(request, adopted)
    parameters, state = count_values(adopted)
    made = sum(bool(node.became) for node in adopted.nodes)
    layers = len({node.became for node in adopted.nodes if node.became})
    shapes = f"input {describe_shape(adopted.input_shape)}"
    outputs = adopted.network.output_shape(adopted.input_shape)
    print_sentence(
        output,
        f"{format_count(len(adopted.nodes), 'node')}: {made} became {format_count(layers, 'layer')}, "
        f"{len(adopted.nodes) - made} folded away; {shapes}, output {describe_shape(outputs)}; "
        f"{format_count(parameters, 'parameter')}" + (f" and {state:,} running statistics" if state else ""),
    )
    loss = adopted.loss
    print_sentence(output, f"loss: {printable(loss) if loss else 'not told'}; pixels: {_tell(adopted)}")
    check = _check(request, adopted) if request.check else None
    if check is not None:
        _print_check(request, check)
    size = _write(request, adopted)
    output.result({
        "file": str(file), "out": None if request.out is None else str(request.out), "size": size,
        "input_shape": adopted.input_shape, "output_shape": outputs, "parameters": parameters, "state": state,
        "loss": loss, "scaling": adopted.metadata.get("scaling"), "channels_last": adopted.channels_last,
        "nodes": [node._asdict() for node in adopted.nodes],
        "check": None if check is None else _describe_check(check),
    })  # fmt: skip
    return 0 if check is None or check.passed else 1


def _require_out(request: AdoptRequest) -> None:
    """Raise where OUT cannot be what it is to be, before any work."""
    from cnnkit import exporters
    from cnnkit.files.writing.atomic import require_writable

    out = request.out
    if out is None:
        if request.format is not None:
            raise ConfigError("--format: expected -o OUT with it, got none")
        return
    exporters.choose(out, request.format)
    require_other(out, request.file, model=request.model)
    if out.exists() and not request.overwrite:
        raise ExportError(f"{out}: already exists: choose another -o, or --overwrite")
    require_writable(out)


def _print_nodes(request: AdoptRequest, adopted: "Adopted") -> None:
    """Print a row for each node of the file."""
    shown = adopted.nodes if request.verbose or len(adopted.nodes) <= MOST else adopted.nodes[:MOST]
    rows: list[tuple[Cell, ...]] = [
        (printable(node.name or node.result or "-", 60), printable(node.operator, 40),
         printable(node.became or "-", 60), printable(node.note, 120))
        for node in shown
    ]  # fmt: skip
    print_table(request.output, ("node", "operator", "became", "how"), rows, "www")
    if len(shown) < len(adopted.nodes):
        request.output.say(f"... and {len(adopted.nodes) - len(shown):,} more nodes: -v shows them, --json all")
    request.output.say()


def _tell(adopted: "Adopted") -> str:
    from cnnkit.data.scaling import Scaling

    stored = adopted.metadata.get("scaling")
    return "taken as they come (--scaling NAME says otherwise)" if stored is None else str(Scaling.from_json(stored))


def _check(request: AdoptRequest, adopted: "Adopted") -> "AdoptionCheck":
    from cnnkit import exporters
    from cnnkit.adopting.checking import check_adopted
    from cnnkit.backends import get_backend
    from cnnkit.summary import summarise

    def choose_other() -> "Backend":
        work = request.samples * summarise(adopted.network, adopted.input_shape).multiply_adds
        return get_backend("reference" if work <= _SMALL else "torch")

    named = request.recipe is not None or request.model is not None
    kind = "" if named else exporters.read(request.file).format or ""
    backend = get_backend(request.backend)
    return check_adopted(adopted, request.file, kind, backend, request.samples, choose_other, request.external)


def _print_check(request: AdoptRequest, check: "AdoptionCheck") -> None:
    """Print the largest differences, the first divergence, and whether the outputs agree."""
    output = request.output
    worst = sorted(check.differences, key=lambda row: -row.relative if row.relative == row.relative else -1e300)
    shown = check.differences if request.verbose else worst[:8]
    rows = [
        (printable(row.node, 60), printable(row.operator, 40), printable(row.became or "-", 60), _number(row.largest),
         _number(row.relative))
        for row in (*shown, *check.outputs)
    ]  # fmt: skip
    output.say()
    if check.reason:
        print_sentence(output, f"not compared with the runtime of the file: {check.reason}")
    print_sentence(
        output,
        f"compared with {check.against} on {format_count(check.samples, 'drawn input')}: "
        f"{format_count(len(check.differences), 'node')} and {format_count(len(check.outputs), 'output')}"
        + (f"; {len(check.skipped)} nodes have no value of their own there" if check.skipped else ""),
    )
    print_table(output, ("node", "operator", "became", "largest difference", "relative"), rows, "wwwrr")
    first = check.first_divergence
    if first is not None:
        place = f"first divergence: {printable(first.node, 100)}"
        output.say(f"{place} ({printable(first.operator or 'output', 40)}), relative difference {first.relative:.3g}")
    verdict = "the outputs agree" if check.passed else "the outputs differ by more than 1e-4 of their largest value"
    output.say(verdict, style="green" if check.passed else "bold red")
    output.say()


def _number(value: float) -> TableEntry:
    return TableEntry(f"{value:.3g}", value)


def _describe_check(check: "AdoptionCheck") -> dict[str, Any]:
    rows = {"outputs": check.outputs, "nodes": check.differences}
    first = check.first_divergence
    return {
        "against": check.against, "samples": check.samples, "passed": check.passed,
        "first_divergence": None if first is None else first.node, "skipped": list(check.skipped),
        "reason": check.reason or None,
    } | {name: [row._asdict() for row in found] for name, found in rows.items()}  # fmt: skip


def _write(request: AdoptRequest, adopted: "Adopted") -> int | None:
    from cnnkit import exporters
    from cnnkit.files.names import to_text

    out = request.out
    if out is None:
        return None
    made = adopted.to_weights()
    made = replace(made, metadata={**made.metadata, "adopted_from": {"file": to_text(request.file.name)}})
    exporters.write(made, out, request.format, overwrite=True)
    size = out.stat().st_size
    request.output.say(f"wrote {out} ({format_size(size)}): cnnkit evaluate, predict, train --init-from take it")
    return size
