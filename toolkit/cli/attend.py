"""`cnnkit attend`: what of a picture a network's decision rests on."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.completion import complete_layer
from cnnkit.cli.options import DEFAULT_WEIGHTS, WeightsFile
from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.samples import InputSample, SampleIndex, SamplePicture, SampleRequest, read_sample
from cnnkit.cli.tables import format_size
from cnnkit.cli.viewing import Show, ShowAs, draw, name_class
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value, printable

if TYPE_CHECKING:
    from cnnkit.explanation.attention import Attention
    from cnnkit.model import Model

EXAMPLE = "cnnkit attend weights.h5 --image digit.png --method grad-cam -o attend.png"
_SIDE = 280  # px of a panel
_MEANINGS = {
    "grad-cam": "blue: maps that speak for the class are large there",
    "saliency": "blue: a small change of the pixel changes the score most",
    "occlusion": "blue: covered, the class loses; orange: covered, it gains",
}


class Method(enum.StrEnum):
    """The ways to find what a decision rests on."""

    GRAD_CAM = "grad-cam"
    SALIENCY = "saliency"
    OCCLUSION = "occlusion"


@dataclass(frozen=True)
class AttendRequest(SampleRequest):
    """A file, the picture, the method with its settings, and the place for the drawing."""

    file: WeightsFile = DEFAULT_WEIGHTS
    index: SampleIndex = None
    image: SamplePicture = None
    method: Annotated[Method, typer.Option(help="How to find it.")] = Method.GRAD_CAM
    decided: Annotated[
        str | None,
        typer.Option("--class", metavar="K", help="A class: number or name.  [default: the predicted one]"),
    ] = None
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            autocompletion=complete_layer,
            help="grad-cam: whose maps.  [default: the last]",
        ),
    ] = None
    patch: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="occlusion: side of the square.  [default: a quarter]")
    ] = None
    stride: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="occlusion: pixels between squares.  [default: half a patch]")
    ] = None
    show: ShowAs = Show.BLOCKS
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="Draw picture and heat into a .png or .svg file.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: AttendRequest) -> int:
    """Show what of a picture a network's decision rests on: Grad-CAM, saliency or occlusion, as a heat map.

    The gradients are those of the network's own backward pass, on any backend.
    """
    from cnnkit.explanation.attention import require_picture

    output, out = request.output, request.out
    _require_settings(request)
    require_place(out, (".png", ".svg"), request.overwrite)
    require_other(out, request.file, image=request.image, data=request.data, model=request.model)
    model, weights = request.load_network(request.file)
    require_picture(model, None)
    sample = read_sample(request, model, weights, request.image, request.index)
    decided = _choose_class(model, sample, request.decided)
    require_picture(model, decided)
    found = _measure(request, model, sample.x, decided)
    names = sample.names or model.class_names
    place = divmod(int(found.heat.argmax()), found.heat.shape[1])
    what = f"{request.method.value}{f' at layer {printable(found.layer)}' if found.layer else ''}"
    title = f"{what}: class {printable(name_class(decided, names))}, score {found.score:.4f}"
    where = f"{request.file.name}; {printable(sample.title)}; {model.backend.name}, {model.dtype}"
    peak = float(found.heat.max())
    output.say(title, style="bold")
    output.say(where, style="dim")
    draw(output, (found.heat / peak if peak > 0 else found.heat)[None], request.show)
    output.say(f"strongest at row {place[0]}, column {place[1]}: {peak:.4g}; weakest {float(found.heat.min()):.4g}")
    if out is not None:
        _write(out, title, where, sample, found)
        output.note(f"wrote {out} ({format_size(out.stat().st_size)})")
    output.result({
        "file": str(request.file), "sample": sample.title, "method": request.method.value, "layer": found.layer or None,
        "class": decided, "class_name": name_class(decided, names), "score": found.score,
        "strongest": list(place), "heat": found.heat.tolist(), "out": None if out is None else str(out),
    })  # fmt: skip
    return 0


def _require_settings(request: AttendRequest) -> None:
    """Raise ConfigError for a setting of another method."""
    for name, given, method in (
        ("--layer", request.layer, Method.GRAD_CAM),
        ("--patch", request.patch, Method.OCCLUSION),
        ("--stride", request.stride, Method.OCCLUSION),
    ):
        if given is not None and request.method is not method:
            raise ConfigError(f"{name}: is for --method {method.value}, got {request.method.value}: leave it out")


def _choose_class(model: "Model", sample: InputSample, wanted: str | None) -> int:
    """Return the number of the class, by default the predicted one. Raises ConfigError for no number and no name."""
    import numpy as np

    names = sample.names or model.class_names
    if wanted is None:
        return int(np.ravel(model.predict(sample.x[None]))[0]) if model.loss.decides else 0
    if wanted in names:
        return names.index(wanted)
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
        raise ConfigError(f"--class: expected a number or one of the names of classes, got {describe_value(wanted)}")
    return int(wanted)


def _measure(request: AttendRequest, model: "Model", x: Any, decided: int) -> "Attention":
    from cnnkit.explanation import attention

    if request.method is Method.SALIENCY:
        return attention.measure_saliency(model, x, decided)
    if request.method is Method.OCCLUSION:
        return attention.measure_occlusion(model, x, decided, request.patch, request.stride)
    return attention.compute_grad_cam(model, x, decided, request.layer)


def _write(out: Path, title: str, where: str, sample: InputSample, found: "Attention") -> None:
    from cnnkit.explanation.heat_pictures import draw_heat
    from cnnkit.explanation.panels import PanelRow, draw_png, draw_svg
    from cnnkit.files.writing.atomic import write_bytes

    picture = sample.picture
    if picture.shape[1:] != found.heat.shape or len(picture) not in (1, 3):
        low, high = float(sample.x.min()), float(sample.x.max())
        picture = ((sample.x - low) / ((high - low) or 1.0))[:3]
    rows = [PanelRow("", draw_heat(picture[:1] if len(picture) == 2 else picture, found.heat))]
    notes = [where, _MEANINGS[found.method]]
    drawn = draw_svg(title, notes, rows, _SIDE) if out.suffix.lower() == ".svg" else draw_png(title, notes, rows, _SIDE)
    write_bytes(out, drawn.encode() if isinstance(drawn, str) else drawn)
