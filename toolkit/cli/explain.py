"""`cnnkit explain`: how one value of a layer comes about, as numbers and as a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cnnkit.cli.completion import complete_layer
from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.samples import SampleIndex, SamplePicture, SampleRequest, read_sample
from cnnkit.cli.tables import format_size
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value, printable

EXAMPLE = "cnnkit explain weights.h5 0 --index 0 --at 3,4"
_MOST_DIGITS = 9  # of a number of --at
_WIDE = 160  # characters of a line in a pipe or file


@dataclass(frozen=True)
class ExplainRequest(SampleRequest):
    """A file, the value to explain, the picture, and the place for the drawing."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="A weight file.")]
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", autocompletion=complete_layer, help="A layer: 0, conv1, 2.body.0.")
    ]
    index: SampleIndex = None
    image: SamplePicture = None
    at: Annotated[
        str | None, typer.Option(metavar="ROW,COLUMN", help="The place of the value.  [default: of the largest]")
    ] = None
    channel: Annotated[
        int | None,
        typer.Option(min=0, metavar="K", help="The value's channel, or neuron.  [default: that of the largest]"),
    ] = None
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT.svg", help="Draw it too, into an .svg file.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: ExplainRequest) -> int:
    """Show how one value of a layer comes about for a picture: window times kernel, sum, bias, activation.

    The sum is computed in float64 and compared with the value that the network has in its own arithmetic.
    """
    from cnnkit.explanation import explain
    from cnnkit.explanation.text import to_json, write_lines

    output, out = request.output, request.out
    place = None if request.at is None else parse_place(request.at)
    require_place(out, (".svg",), request.overwrite)
    require_other(out, request.file, image=request.image, data=request.data, model=request.model)
    model, weights = request.load_network(request.file)
    sample = read_sample(request, model, weights, request.image, request.index)
    explanation = explain(model, request.layer, sample.x, place, request.channel)
    where = f"{request.file.name}; {printable(sample.title)}; {model.backend.name}, {model.dtype}"
    output.say(explanation.title, style="bold")
    output.say(where, style="dim")
    output.say_lines(write_lines(explanation, output.people.width if output.people.is_terminal else _WIDE))
    if out is not None:
        from cnnkit.explanation.drawing import draw_explanation
        from cnnkit.files.writing.atomic import write_bytes

        write_bytes(out, draw_explanation(explanation, where).encode())
        output.note(f"wrote {out} ({format_size(out.stat().st_size)})")
    about = {"file": str(request.file), "sample": sample.title, "out": None if out is None else str(out)}
    output.result(about | to_json(explanation))
    return 0


def parse_place(text: str) -> tuple[int, ...]:
    """Return the numbers of --at: "3,4" -> (3, 4). Raises ConfigError."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS for word in words):
        raise ConfigError(f"--at: expected whole numbers >= 0 such as 3,4, got {describe_value(text)}")
    return tuple(map(int, words))
