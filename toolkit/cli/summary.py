"""`cnnkit summary`: the layers and costs of a network, before any training."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cnnkit.cli.choice import choose_recipe, require_file
from cnnkit.cli.options import DEFAULT_WEIGHTS, ModelFile, RecipeName
from cnnkit.cli.output import Output
from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.request import TableRequest
from cnnkit.cli.shapes import parse_shape
from cnnkit.cli.tables import format_shape, format_size, print_sentence, print_table
from cnnkit.documents import count
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.architecture import PlacedLayer
    from cnnkit.layers import Layer
    from cnnkit.summary import Summary, SummaryRow

EXAMPLE = "cnnkit summary --recipe lecture-cnn   or   cnnkit summary --model net.toml --input-shape 3,32,32"

_MOST_INPUTS = 4  # of a layer, named in the table


class SummarisedNetwork(NamedTuple):
    """A network, the shape of a sample, and for its memory: batch size, optimizer arrays per parameter."""

    name: str
    network: "Layer"
    input_shape: tuple[int, ...]
    batch_size: int
    slots: int


@dataclass(frozen=True)
class SummaryRequest(TableRequest):
    """A network: a weight file, a recipe or a model file."""

    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A weight file; weights.h5 by default.")] = None
    recipe: RecipeName = None
    model: ModelFile = None
    input_shape: Annotated[
        str | None, typer.Option(metavar="C,H,W", help="Shape of a sample, by default that of the network.")
    ] = None
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT.svg", help="Draw the network, without weights.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: SummaryRequest) -> int:
    """Show layers, output shapes, parameters, receptive field, multiply-adds and memory of a network."""
    from cnnkit.architecture import walk_layers
    from cnnkit.summary import summarise

    output = request.output
    require_place(request.out, (".svg",), request.overwrite)
    require_other(request.out, request.file, model=request.model)
    subject = _choose_network(request.file, request.recipe, request.model)
    shape = subject.input_shape if request.input_shape is None else parse_shape(request.input_shape, "--input-shape")
    summary = summarise(subject.network, shape)
    sizes = {place.path: derive_size(place) for place in walk_layers(subject.network, shape)}

    if request.out is not None:
        _draw(request.out, subject, shape, summary)
    training = summary.training_bytes(subject.batch_size, subject.slots)
    shapes = f"input {format_shape(shape)}, output {format_shape(summary.output_shape)}"
    print_sentence(output, f"{subject.name}: {shapes}")
    output.say()
    _print_layers(output, summary)
    output.say()
    print_sentence(
        output,
        f"{summary.parameters:,} parameters ({format_size(4 * summary.parameters)} as float32), "
        f"{summary.multiply_adds:,} multiply-adds per image",
    )
    print_sentence(output, f"training with batches of {subject.batch_size:,} holds about {format_size(training)}")
    _print_settings(output, summary, sizes)
    if request.out is not None:
        output.note(f"wrote {request.out}")
    output.result({
        "name": subject.name, "input_shape": list(shape), "output_shape": list(summary.output_shape),
        "out": None if request.out is None else str(request.out), "parameters": summary.parameters,
        "multiply_adds": summary.multiply_adds, "memory": {
            "parameter_bytes": 4 * summary.parameters, "training_bytes": training, "batch_size": subject.batch_size,
        },
        "layers": [vars(row) | {"output_size": sizes.get(row.path) or None} for row in summary.rows],
    })  # fmt: skip
    return 0


def _draw(target: Path, subject: SummarisedNetwork, shape: tuple[int, ...], summary: "Summary") -> None:
    """Write the figure of the network, whole or not at all."""
    from cnnkit.architecture import describe
    from cnnkit.exporters.svg.figure import draw_figure
    from cnnkit.files.writing.atomic import write_text

    parameters = {row.path: row.parameters for row in summary.rows}
    write_text(target, draw_figure(subject.name, describe(subject.network, shape), parameters))


def _choose_network(file: Path | None, recipe: str | None, model: Path | None) -> SummarisedNetwork:
    from cnnkit import architecture, weights
    from cnnkit.adopting.opening import read_network
    from cnnkit.training import Options, run

    if file is not None and (recipe is not None or model is not None):
        raise ConfigError("expected FILE or --recipe or --model, got two of them: leave one out")
    if recipe is not None or model is not None:
        chosen = choose_recipe(recipe, model)
        network, shape = chosen.network()
        options = Options(**chosen.training)
        batch_size = min(options.batch_size, _count_images(chosen.data))
        return SummarisedNetwork(chosen.name, network, shape, batch_size, _count_slots(options.optimizer))
    path = file or DEFAULT_WEIGHTS
    if file is None and not path.exists():
        raise ConfigError("no weights.h5 in this folder: name a file, or --recipe NAME (see cnnkit recipes)")
    require_file(path)
    described, metadata = weights.complete(read_network(path))
    network, shape = architecture.build(described)
    options = run.stored_options(metadata, str(path), ("batch_size", "optimizer"))
    batch_size = min(options.batch_size, _count_images(None))
    return SummarisedNetwork(str(path), network, shape, batch_size, _count_slots(options.optimizer))


def _count_images(data: str | None) -> int:
    """Return the number of training images, which limits a batch."""
    from cnnkit.data.catalogue import KNOWN

    return next((entry.train_images for entry in KNOWN if entry.name == data), 60_000)


def _count_slots(optimizer: Any) -> int:
    """Return the number of arrays that the optimizer stores per parameter."""
    from cnnkit import optimizers

    return len(optimizers.parse(optimizer).slots)


def derive_size(place: "PlacedLayer") -> str:
    """Return the formula of the output size of a convolution or pooling with its numbers, "" for other layers.

    O = (N - F + 2P)/S + 1, rounded down; the remainder of the input is not used.
    """
    from cnnkit.layers.spatial import LETTERS
    from cnnkit.layers.windows.convolution import Convolution
    from cnnkit.layers.windows.pooling import Pooling

    layer, sizes = place.layer, place.input_shape[1:]
    reach = layer.reach(place.input_shape)
    if reach is None or not isinstance(layer, Convolution | Pooling):
        return ""
    formulas = list(map(_derive_axis, sizes, reach.extent, reach.stride, place.output_shape[1:], reach.remainder))
    if len(set(formulas)) == 1:
        return formulas[0]
    return "; ".join(f"{axis}: {formula}" for axis, formula in zip(LETTERS[layer.rank], formulas, strict=True))


def _derive_axis(size: int, window: int, stride: int, out: int, remainder: int) -> str:
    padding = (out - 1) * stride + window + remainder - size
    added = f"2*{padding // 2}" if padding % 2 == 0 else str(padding)
    formula = f"({size} - {window} + {added})/{stride} + 1 = "
    if not remainder:
        return f"{formula}{out}"
    fraction = f"{remainder / stride:g}".removeprefix("0")
    return f"{formula}{out}{fraction}, so {out}: {remainder} left over"


def _print_layers(output: Output, summary: "Summary") -> None:
    takes = any(row.inputs for row in summary.rows)
    rows = [
        (
            row.title,
            *((_format_inputs(row, before),) if takes else ()),
            format_shape(row.output_shape),
            count(row.parameters, "-"),
            _format_field(row),
            count(row.multiply_adds, "-"),
        )
        for before, row in zip((None, *summary.rows), summary.rows, strict=False)
    ]
    headings = ("layer", *(("takes",) if takes else ()), "output", "parameters", "sees", "multiply-adds")
    print_table(output, headings, rows, "ww r r" if takes else "w r r")


def _print_settings(output: Output, summary: "Summary", sizes: dict[str, str]) -> None:
    rows = [
        (f"{row.path} {row.type}", row.setting, sizes.get(row.path, ""))
        for row in summary.rows
        if row.shares is None and (row.setting or sizes.get(row.path))
    ]
    if not rows:
        return
    output.say()
    print_sentence(
        output, "settings, and sizes O = (N - F + 2P)/S + 1: input N, window F, padding P per side, stride S"
    )
    print_table(output, ("layer", "settings", "size"), rows, "www")


def _format_inputs(row: "SummaryRow", before: "SummaryRow | None") -> str:
    """Return the names that a node takes, "" where it is the row before alone."""
    prefix = row.path.rpartition(".")[0]
    names = [f"{prefix}.{name}" if prefix else name for name in row.inputs]
    if not names or (before is not None and names == [before.path]):
        return ""
    more = f" and {len(row.inputs) - _MOST_INPUTS} more" if len(row.inputs) > _MOST_INPUTS else ""
    return ", ".join(row.inputs[:_MOST_INPUTS]) + more


def _format_field(row: "SummaryRow") -> str:
    return "all" if row.receptive_field is None else format_shape(row.receptive_field)
