"""`cnnkit show`: one layer, kernel or neuron as a picture, in the terminal or in a file."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.completion import complete_layer
from cnnkit.cli.exciting_windows import show_exciting
from cnnkit.cli.feature_maps import read_feature_maps
from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import External, Limit
from cnnkit.cli.output import Output
from cnnkit.cli.place import require_other, require_place
from cnnkit.cli.samples import SampleIndex, SamplePicture, SampleRequest, read_sample
from cnnkit.cli.tables import format_size, write_numbers
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable
from cnnkit.files.shell import write_command

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.inspection.layer_svg import Section
    from cnnkit.inspection.terminal_block import Block
    from cnnkit.inspection.unit_maps import UnitMaps

EXAMPLE = "cnnkit show weights.h5 0 --unit 3"
_MOST = 16  # units, and channels of each, that a terminal shows by default
_MOST_SMALL = 64  # the same for units of few values
_SMALL = 32  # values of a unit
_GAP = 3  # columns between units


@dataclass(frozen=True)
class ShowRequest(SampleRequest):
    """The units to draw, and the place for the picture; a picture that the layer sees, or a data set."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="A weight file.")]
    layer: Annotated[
        str,
        typer.Argument(
            metavar="LAYER", autocompletion=complete_layer, help='A layer or a tensor: 0, conv1, 0.weight, "conv*".'
        ),
    ]
    unit: Annotated[
        list[int] | None, typer.Option("--unit", min=0, metavar="N", help="A filter or neuron, from 0; repeatable.")
    ] = None
    channel: Annotated[
        int | None, typer.Option("--channel", min=0, metavar="N", help="Only this input channel of each.")
    ] = None
    index: SampleIndex = None
    image: SamplePicture = None
    excite: Annotated[
        int | None,
        typer.Option(
            "--excite", min=1, max=100, metavar="N", help="The N windows of --data that excite each channel most."
        ),
    ] = None
    limit: Limit = None
    values: Annotated[bool, typer.Option("--values", help="Print the numbers too.")] = False
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="An .svg or .png file instead of the terminal.")
    ] = None
    external: External = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


def command(request: ShowRequest) -> int:
    """Draw the weights of one layer: one map per channel, orange below zero, blue above, one scale per tensor.

    With --image, --index or --data, what the layer gives for that picture; with --excite, what it responds to.
    """
    output, out = request.output, request.out
    require_place(out, (".svg", ".png"), request.overwrite)
    require_other(out, request.file, image=request.image, data=request.data, model=request.model)
    if request.excite is not None:
        _require_alone(request)
        output.result(
            show_exciting(
                request, request.file, request.layer, request.excite, request.unit, request.limit, request.out
            )
        )
        return 0
    title = f"{request.file.name}, {printable(request.layer)}"
    if request.limit is not None:
        raise ConfigError("--limit: counts the images of --excite: leave it out")
    if request.image is not None or request.index is not None or request.data is not None:
        model, network = request.load_network(request.file)
        sample = read_sample(request, model, network, request.image, request.index)
        title = f"{title}: {printable(sample.title)}"
        maps = read_feature_maps(model, request.layer, sample)
        output.say(title)
        sections = [_build_section(tensor, units, None, request) for tensor, units in maps]
    else:
        sections = _read_weights(request)
    if out is not None:
        _write(out, title, sections)
        output.say(f"wrote {out} ({format_size(out.stat().st_size)})")
    elif not request.json:
        for section in sections:
            _print_section(output, section, request.values)
    output.result({
        "file": str(request.file), "layer": request.layer, "out": None if out is None else str(out),
        "tensors": [_section_json(section, request.values) for section in sections],
    })  # fmt: skip
    return 0


def _require_alone(request: ShowRequest) -> None:
    """Raise ConfigError for an option that --excite does not have."""
    for name, given in (("image", request.image), ("index", request.index), ("channel", request.channel)):
        if given is not None:
            raise ConfigError(f"--excite: looks through a data set: leave --{name} out")


def _read_weights(request: ShowRequest) -> list["Section"]:
    """Return the sections of the layer's weights. Raises ConfigError where there are none to draw."""
    from cnnkit.inspection.layer_tree import match_layer, select

    weights = read_complete(request.file, request.external)
    sections = list(_build_sections(weights, match_layer(weights, select(weights), request.layer, "LAYER"), request))
    if not sections:
        raise ConfigError(f"{request.layer}: nothing to draw: no values, or complex ones")
    return sections


def _build_sections(weights: "WeightFile", tensors: tuple["Tensor", ...], request: ShowRequest) -> Iterator["Section"]:
    """Yield a section per tensor; a tensor without units only when no unit and no channel is requested."""
    from cnnkit.exporters.core.flattened_images import find_flattened_images
    from cnnkit.inspection.unit_maps import read_unit_maps

    images = find_flattened_images(weights.architecture)
    biases = {t.layer: t for t in weights if t.role == "bias" and len(t.shape) == 1 and t.kind == "parameter"}
    selective = any(len(tensor.shape) > 1 for tensor in tensors) and bool(request.unit or request.channel is not None)
    for tensor in tensors:
        maps = read_unit_maps(tensor, images.get(tensor.layer))
        if maps is not None and not (maps.axis is None and selective):
            yield _build_section(tensor, maps, biases.get(tensor.layer), request)


def _build_section(tensor: "Tensor", maps: "UnitMaps", bias: "Tensor | None", request: ShowRequest) -> "Section":
    """Return the requested units and channels of a tensor, by default as many as the terminal shows, or all."""
    from cnnkit.exporters.svg.scale import scale_of
    from cnnkit.inspection.layer_svg import Section

    count, depth = maps.values.shape[:2]
    channel = None if request.channel is None else [request.channel]
    channels = _require_numbers(channel, depth, "--channel", tensor) or list(range(depth))
    if request.out is None:
        channels = channels[:_MOST]
    small = len(channels) * math.prod(maps.values.shape[2:]) <= _SMALL
    most = (_MOST_SMALL if small else _MOST) if request.out is None else count
    units = _require_numbers(request.unit, count, "--unit", tensor) or list(range(count))[:most]
    if maps.axis is None:
        captions = [printable(tensor.name)]
    elif bias is not None and bias.shape == (count,):
        offsets = bias.read()
        captions = [f"{maps.word} {number}, bias {float(offsets[number]):+.3g}" for number in units]
    else:
        captions = [f"{maps.word} {number}" for number in units]
    selected = maps._replace(values=maps.values[units][:, channels])
    return Section(tensor, selected, scale_of(maps.values), units, channels, captions)


def _require_numbers(wanted: list[int] | None, count: int, option: str, tensor: "Tensor") -> list[int]:
    """Return the numbers, each once. Raises ConfigError for a number that is not below `count`."""
    for number in wanted or ():
        if number >= count:
            raise ConfigError(f"{option}: expected 0 to {count - 1} for {printable(tensor.name)}, got {number}")
    return list(dict.fromkeys(wanted or ()))


def _print_section(output: Output, section: "Section", values: bool) -> None:
    from cnnkit.cli.layer_lines import describe_tensor
    from cnnkit.inspection import terminal_picture
    from cnnkit.inspection.layer_svg import describe_scale
    from cnnkit.inspection.terminal_block import add_caption, place_beside

    colours = output.has_colours
    width = output.people.width if output.people.is_terminal else 100
    meaning = describe_scale(section.scale)
    if not colours:
        meaning = meaning.replace("orange ", "-9 is ").replace("0 white", ". is 0").replace("blue ", "+9 is ")
    output.say(describe_tensor(section.tensor), style="bold")
    output.say(meaning, style="dim")
    paint = terminal_picture.draw_coloured if colours else terminal_picture.draw_plain
    pictures = (paint(terminal_picture.fold(maps), section.scale, width) for maps in section.maps.values)
    units = [add_caption(caption, picture) for caption, picture in zip(section.captions, pictures, strict=True)]
    if not values:
        _print_block(place_beside(units, width, _GAP))
    for unit, maps in zip(units, section.maps.values, strict=True) if values else ():
        _print_block(unit)
        write_numbers(output, _format_numbers(section, maps))
    _print_remainder(output, section)
    output.say()


def _print_block(block: "Block") -> None:
    sys.stdout.write("\n" + "".join(f"{line.rstrip()}\n" for line in block.lines))


def _format_numbers(section: "Section", maps: Any) -> Iterator[str]:
    """Yield the numbers of one unit as lines, in the tensor's type where NumPy has it."""
    import numpy as np

    from cnnkit.exporters import Tensor
    from cnnkit.inspection import value_text

    dtype = section.tensor.dtype if section.tensor.dtype in ("float16", "float32") else "float64"
    array = np.ascontiguousarray(maps.astype(dtype))
    yield from value_text.format_lines(Tensor.of(section.tensor.name, array, axes=("channel", "row", "column")), array)


def _print_remainder(output: Output, section: "Section") -> None:
    axis = section.maps.axis
    total = 1 if axis is None else section.tensor.shape[axis]
    remaining = total - len(section.units)
    if remaining and len(section.units) in (_MOST, _MOST_SMALL):
        picture = write_command(f"{section.tensor.layer or 'layer'}.svg")
        output.say()
        output.say(f"and {remaining} more: --unit N, or -o {picture} for all", style="dim")


def _section_json(section: "Section", values: bool) -> dict[str, Any]:
    import numpy as np

    scale, norms = section.scale, np.sqrt(np.square(section.maps.values).sum((1, 2, 3))).tolist()
    units = [{"unit": number, "norm": norm} for number, norm in zip(section.units, norms, strict=True)]
    if values:
        for entry, maps in zip(units, section.maps.values, strict=True):
            entry["values"] = maps.tolist()
    return {
        "name": section.tensor.name, "unit": section.maps.word, "channels": section.channels,
        "map": list(section.maps.values.shape[2:]), "units": units,
        "scale": {"limit": scale.limit, "beyond": scale.beyond, "min": scale.low, "max": scale.high},
    }  # fmt: skip


def _write(target: Path, title: str, sections: list["Section"]) -> None:
    from cnnkit.files.writing.atomic import write_bytes
    from cnnkit.inspection import layer_png, layer_svg

    if target.suffix.lower() == ".svg":
        data = layer_svg.draw(title, sections).encode()
    else:
        data = layer_png.draw(title, sections)
    write_bytes(target, data)
