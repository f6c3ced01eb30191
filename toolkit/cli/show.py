"""`cnnkit show`: one layer, kernel or neuron as a picture, in the terminal or in a file."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import Json, Quiet, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import size_text
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile
    from cnnkit.inspection.layer_svg import Section

EXAMPLE = "cnnkit show weights.h5 0 --unit 3"
_MOST = 16  # units, and channels of each, that a terminal shows unless asked for others


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A weight file.")],
    layer: Annotated[str, typer.Argument(metavar="LAYER", help='A layer or a tensor: 0, conv1, 0.weight, "conv*".')],
    unit: Annotated[
        list[int] | None, typer.Option("--unit", min=0, metavar="N", help="A filter or neuron, from 0; repeatable.")
    ] = None,
    channel: Annotated[
        int | None, typer.Option("--channel", min=0, metavar="N", help="Only this input channel of each.")
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="The numbers too.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="An .svg or .png file instead of the terminal.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Draw the weights of one layer: a map a channel, orange below zero, blue above, one scale for the tensor."""
    from cnnkit.inspection import layer_tree

    output = Output(json, quiet)
    if out is not None and out.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"{out}: expected a name that ends with .svg or .png")
    if out is not None and out.exists() and not overwrite:
        raise ConfigError(f"{out}: is there already: choose another name or --overwrite")
    weights = read_complete(file)
    held = tuple(tensor for tensor in weights if tensor.kind != "optimizer")
    chosen = layer_tree.matching(held, layer, "LAYER")
    limit = None if out is not None else _MOST
    sections = list(_sections(weights, chosen, unit, channel, limit))
    if not sections:
        raise ConfigError(f"{layer}: nothing there that can be drawn: no values, or complex ones")
    if out is not None:
        _write(out, f"{file.name}, {printable(layer)}", sections)
        output.say(Text(f"wrote {out} ({size_text(out.stat().st_size)})"))
    elif not json:
        for section in sections:
            _draw(output, section, values)
    output.result({
        "file": str(file), "layer": printable(layer), "out": None if out is None else str(out),
        "tensors": [_section_json(section, values) for section in sections],
    })  # fmt: skip
    return 0


def _sections(
    weights: "WeightFile",
    chosen: tuple["Tensor", ...],
    wanted: list[int] | None,
    channel: int | None,
    limit: int | None,
) -> Iterator["Section"]:
    """Yield what is to be drawn of each tensor; those without units only where no unit is asked for."""
    from cnnkit.exporters.core.architecture import find_flattened_images
    from cnnkit.exporters.svg.scale import scale_of
    from cnnkit.inspection.layer_svg import Section
    from cnnkit.inspection.unit_maps import unit_maps

    images = find_flattened_images(weights.architecture)
    biases = {t.layer: t for t in weights if t.role == "bias" and len(t.shape) == 1 and t.kind == "parameter"}
    several = any(len(tensor.shape) > 1 for tensor in chosen)
    for tensor in chosen:
        maps = unit_maps(tensor, images.get(tensor.layer))
        if maps is None or (maps.axis is None and several and (wanted or channel is not None)):
            continue
        scale = scale_of(maps.values)
        count, depth = maps.values.shape[:2]
        units = _within(wanted, count, "--unit", tensor) or list(range(count))[:limit]
        channels = (
            _within(None if channel is None else [channel], depth, "--channel", tensor) or list(range(depth))[:limit]
        )
        bias = biases.get(tensor.layer)
        offsets = bias.read() if maps.axis is not None and bias is not None and bias.shape == (count,) else None
        captions = [
            _caption(maps.word, number, None if offsets is None else float(offsets[number])) for number in units
        ]
        shown = maps.values[units][:, channels]
        if maps.axis is None:
            captions = [printable(tensor.name)]
        yield Section(tensor, maps._replace(values=shown), scale, units, channels, captions)


def _within(wanted: list[int] | None, count: int, option: str, tensor: "Tensor") -> list[int]:
    for number in wanted or ():
        if number >= count:
            raise ConfigError(f"{option}: expected 0 to {count - 1} for {printable(tensor.name)}, got {number}")
    return list(dict.fromkeys(wanted or ()))


def _caption(word: str, number: int, bias: float | None) -> str:
    return f"{word} {number}" + ("" if bias is None else f", bias {bias:+.3g}")


def _draw(output: Output, section: "Section", values: bool) -> None:
    from cnnkit.cli.tensor_facts import heading
    from cnnkit.inspection import terminal_picture
    from cnnkit.inspection.layer_svg import scale_text

    colours = output.people.is_terminal and not output.people.no_color
    width = output.people.width if output.people.is_terminal else 100
    meaning = scale_text(section.scale)
    if not colours:
        meaning = meaning.replace("orange ", "-9 is ").replace("0 white", ". is 0").replace("blue ", "+9 is ")
    output.say(Text(heading(section.tensor), style="bold"))
    output.say(Text(meaning, style="dim"))
    paint = terminal_picture.coloured if colours else terminal_picture.plain
    for caption, maps in zip(section.captions, section.maps.values, strict=True):
        output.say(Text(f"\n{caption}"))
        for line in paint(terminal_picture.folded(maps), section.scale, width):
            sys.stdout.write(f"{line.rstrip()}\n")
        if values:
            for row in _numbers(section, maps):
                sys.stdout.write(row)
    _say_left(output, section)
    output.say()


def _numbers(section: "Section", maps: Any) -> Iterator[str]:
    """Yield the numbers of one unit as lines, in the tensor's own type where that is one that NumPy has."""
    import numpy as np

    from cnnkit.exporters import Tensor
    from cnnkit.inspection import value_text

    dtype = section.tensor.dtype if section.tensor.dtype in ("float16", "float32") else "float64"
    array = np.ascontiguousarray(maps.astype(dtype))
    yield from value_text.lines(Tensor.of(section.tensor.name, array, axes=("channel", "row", "column")), array)


def _say_left(output: Output, section: "Section") -> None:
    from cnnkit.inspection.units import unit_axis

    axis = section.maps.axis
    total = 1 if axis is None else section.tensor.shape[axis]
    left = total - len(section.units)
    if left and unit_axis(section.tensor) is not None and len(section.units) == _MOST:
        output.say(
            Text(f"\nand {left} more: --unit N, or -o {section.tensor.layer or 'layer'}.svg for all", style="dim")
        )


def _section_json(section: "Section", values: bool) -> dict[str, Any]:
    import numpy as np

    scale, norms = section.scale, np.sqrt(np.square(section.maps.values).sum((1, 2, 3))).tolist()
    units = [{"unit": number, "norm": norm} for number, norm in zip(section.units, norms, strict=True)]
    if values:
        for told, maps in zip(units, section.maps.values, strict=True):
            told["values"] = maps.tolist()
    return {
        "name": printable(section.tensor.name), "unit": section.maps.word, "channels": section.channels,
        "map": list(section.maps.values.shape[2:]), "units": units,
        "scale": {"limit": scale.limit, "beyond": scale.beyond, "min": scale.low, "max": scale.high},
    }  # fmt: skip


def _write(target: Path, title: str, sections: list["Section"]) -> None:
    from cnnkit.files.atomic import atomic_path
    from cnnkit.inspection import layer_svg, mosaic

    if target.suffix.lower() == ".svg":
        data = layer_svg.draw(title, sections).encode()
    else:
        data = mosaic.stacked_png([mosaic.mosaic(section.maps, section.scale) for section in sections])
    with atomic_path(target) as fresh:
        fresh.write_bytes(data)
