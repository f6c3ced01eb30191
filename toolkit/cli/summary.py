"""`cnnkit summary`: a network before any training."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.text import Text

from cnnkit.cli.choice import chosen_recipe
from cnnkit.cli.options import DEFAULT_WEIGHTS, Json, ModelFile, Quiet, RecipeName, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table, shape_text, size_text
from cnnkit.errors import ConfigError

if TYPE_CHECKING:
    from cnnkit.architecture import PlacedLayer
    from cnnkit.layers import Sequential
    from cnnkit.summary import Summary, SummaryRow

EXAMPLE = "cnnkit summary --recipe lecture-cnn   or   cnnkit summary --model net.toml --input-shape 3,32,32"


class Subject(NamedTuple):
    """What is summed up, with a sample's shape; slots: arrays that the optimizer keeps beside each parameter."""

    name: str
    network: "Sequential"
    input_shape: tuple[int, ...]
    batch_size: int
    slots: int


def command(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A weight file; weights.h5 by default.")] = None,
    recipe: RecipeName = None,
    model: ModelFile = None,
    input_shape: Annotated[
        str | None, typer.Option(metavar="C,H,W", help="Of a sample, where it is not the network's own.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Show layers, output shapes, parameters, receptive field, multiply-adds and memory of a network."""
    from cnnkit.architecture import walk_layers
    from cnnkit.summary import summarise

    output = Output(json, quiet)
    subject = _subject(file, recipe, model)
    shape = subject.input_shape if input_shape is None else _shape(input_shape)
    summary = summarise(subject.network, shape)
    sizes = {place.path: size_formula(place) for place in walk_layers(subject.network, shape)}

    output.say(Text(f"{subject.name}: input {shape_text(shape)}, output {shape_text(summary.output_shape)}\n"))
    _print_layers(output, summary)
    training = summary.training_bytes(subject.batch_size, subject.slots)
    output.say(
        f"\n{summary.parameters:,} parameters ({size_text(4 * summary.parameters)} as float32), "
        f"{summary.multiply_adds:,} multiply-adds an image"
    )
    output.say(f"training with batches of {subject.batch_size:,} holds about {size_text(training)}")
    output.say("\nsettings, and sizes O = (N - F + 2P)/S + 1: input N, window F, padding P a side, stride S")
    for row in summary.rows:
        told = ": ".join(part for part in (row.setting, sizes[row.path]) if part)
        if told:
            output.say(Text(f"  {row.path} {row.type} {told}"))
    output.result({
        "name": subject.name, "input_shape": list(shape), "output_shape": list(summary.output_shape),
        "parameters": summary.parameters, "multiply_adds": summary.multiply_adds,
        "memory": {
            "parameter_bytes": 4 * summary.parameters, "training_bytes": training, "batch_size": subject.batch_size,
        },
        "layers": [_row_json(row, sizes[row.path]) for row in summary.rows],
    })  # fmt: skip
    return 0


def _subject(file: Path | None, recipe: str | None, model: Path | None) -> Subject:
    from cnnkit import architecture, weights
    from cnnkit.exporters import read
    from cnnkit.training import Options

    if file is not None and (recipe is not None or model is not None):
        raise ConfigError("expected FILE or --recipe or --model, got two of them: leave one out")
    if recipe is not None or model is not None:
        chosen = chosen_recipe(recipe, model)
        network, shape = chosen.network()
        options = Options(**chosen.training)
        return Subject(
            chosen.name, network, shape, min(options.batch_size, _images(chosen.data)), _slots(options.optimizer)
        )
    path = file or DEFAULT_WEIGHTS
    if file is None and not path.exists():
        raise ConfigError("there is no weights.h5 here: name a file, or --recipe NAME (see cnnkit recipes)")
    described, metadata = weights.complete(read(path))
    network, shape = architecture.build(described)
    run = metadata.get("run")
    options = run.get("options", {}) if isinstance(run, dict) else {}
    batch_size, optimizer = options.get("batch_size", 32), options.get("optimizer", "adam")
    return Subject(str(path), network, shape, min(batch_size, _images(None)), _slots(optimizer))


def _images(data: str | None) -> int:
    """Return how many images a batch can have at most."""
    from cnnkit.data.catalogue import KNOWN

    return next((entry.train_images for entry in KNOWN if entry.name == data), 60_000)


def _slots(optimizer: Any) -> int:
    """Return how many arrays the optimizer keeps beside each parameter."""
    from cnnkit import optimizers

    return len(optimizers.parse(optimizer).slots)


def _shape(text: str) -> tuple[int, ...]:
    parts = re.split(r"\s*[,x]\s*", text.strip())
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--input-shape: expected whole numbers such as 3,32,32, got {text!r}")
    return tuple(map(int, parts))


def size_formula(place: "PlacedLayer") -> str:
    """Return the formula of a convolution's or pooling's output size with its numbers, "" for other layers.

    O = (N - F + 2P)/S + 1; where it is no whole number, the rest of the input at the end is left over.
    """
    from cnnkit.layers import Conv2D
    from cnnkit.layers.pool2d import Pool2D

    reach = place.layer.reach(place.input_shape)
    if reach is None or not isinstance(place.layer, Conv2D | Pool2D):
        return ""
    formulas = [
        _along(
            place.input_shape[1 + a], reach.extent[a], reach.stride[a], place.output_shape[1 + a], reach.remainder[a]
        )
        for a in (0, 1)
    ]
    return formulas[0] if formulas[0] == formulas[1] else f"H: {formulas[0]}; W: {formulas[1]}"


def _along(size: int, window: int, stride: int, out: int, remainder: int) -> str:
    padding = (out - 1) * stride + window + remainder - size
    added = f"2*{padding // 2}" if padding % 2 == 0 else str(padding)
    formula = f"({size} - {window} + {added})/{stride} + 1 = "
    if not remainder:
        return f"{formula}{out}"
    return f"{formula}{(size - window + padding) / stride + 1:g}, so {out}: {remainder} left over"


def _print_layers(output: Output, summary: "Summary") -> None:
    rows = [
        (
            f"{row.path} {row.type}",
            shape_text(row.output_shape),
            _count(row.parameters),
            _seen(row),
            _count(row.multiply_adds),
        )
        for row in summary.rows
    ]
    print_table(output, ("layer", "output", "parameters", "sees", "multiply-adds"), rows, "  r r")


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _seen(row: "SummaryRow") -> str:
    return "all" if row.receptive_field is None else shape_text(row.receptive_field)


def _row_json(row: "SummaryRow", size: str) -> dict[str, Any]:
    return vars(row) | {"output_size": size or None}
