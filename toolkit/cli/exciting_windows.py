"""`cnnkit show --excite`: the windows of a data set in which the channels of a layer are largest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnkit.cli.data_source import load_data
from cnnkit.cli.loading import match_data
from cnnkit.cli.output import Output
from cnnkit.cli.samples import SampleRequest
from cnnkit.cli.tables import format_size
from cnnkit.cli.viewing import DataPart
from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.data import Dataset
    from cnnkit.explanation.excitement import Excitement
    from cnnkit.model import Model

_SIDE = 72  # px of a window in the picture
_TOLD = 3  # windows of a channel in the terminal


def show_exciting(
    request: SampleRequest, file: Path, layer: str, count: int, units: list[int] | None, limit: int | None,
    out: Path | None,
) -> dict[str, Any]:  # fmt: skip
    """Print, and draw into OUT, the windows that excite each channel of a layer most; return what --json tells.

    Raises ConfigError or DataError for a layer, channel or data set that does not fit.
    """
    from cnnkit.explanation.excitement import find_exciting
    from cnnkit.explanation.tapping import find_placed
    from cnnkit.receptive_field import find_field

    output = request.output
    model, weights = request.load_network(file)
    placed = find_placed(model, layer, "LAYER")
    if model.network.input_count != 1 or placed.layer.output_count != 1:
        raise ConfigError("--excite: expected a network with one input, and a layer with one output")
    dataset = load_data(output, request.data, weights, request.read_options(model.input_shape, model.loss))
    dataset = match_data(output, model, dataset, request.scaling)
    split = request.split or DataPart.TRAIN
    samples = range(min(limit or len(dataset.split(split.value)), len(dataset.split(split.value))))
    found = find_exciting(model, dataset, split.value, layer, count, samples)
    chosen = _choose(units, len(found))
    field = find_field(model.network, model.input_shape, layer)
    spatial = len(model.input_shape) == 3 and len(placed.output_shape) == 3
    seen = {
        unit: [field.locate(one.position) if field is not None and spatial else None for one in found[unit]]
        for unit in chosen
    }
    where = f"{printable(dataset.name)}, {split.value}, {len(samples):,} samples; {model.backend.name}, {model.dtype}"
    title = f"{file.name}: what excites layer {printable(layer)} ({placed.layer.type}) most"
    output.say(title, style="bold")
    output.say(where, style="dim")
    for unit in chosen:
        _print_unit(output, unit, found[unit])
    if out is not None:
        _write(out, title, where, dataset, split.value, {unit: (found[unit], seen[unit]) for unit in chosen}, model)
        output.note(f"wrote {out} ({format_size(out.stat().st_size)})")
    return {
        "file": str(file), "layer": layer, "data": dataset.name, "split": split.value, "samples": len(samples),
        "out": None if out is None else str(out),
        "channels": [
            {"channel": unit, "windows": [
                {"index": one.sample, "at": list(one.position), "value": one.value, "seen": box}
                for one, box in zip(found[unit], seen[unit], strict=True)
            ]} for unit in chosen
        ],
    }  # fmt: skip


def _choose(units: list[int] | None, count: int) -> list[int]:
    for unit in units or ():
        if unit >= count:
            raise ConfigError(f"--unit: expected 0 to {count - 1}, got {unit}")
    return list(dict.fromkeys(units or range(count)))


def _print_unit(output: Output, unit: int, found: "list[Excitement]") -> None:
    told = []
    for one in found[:_TOLD]:
        place = f" at {','.join(map(str, one.position))}" if one.position else ""
        told.append(f"{one.value:.4g} of image {one.sample}{place}")
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    output.say(f"{unit:>4}  {'; '.join(told)}{more}", soft_wrap=True)


def _write(
    out: Path, title: str, where: str, dataset: "Dataset", split: str, units: dict[int, Any], model: "Model"
) -> None:
    from cnnkit.explanation.excitement import cut_seen
    from cnnkit.explanation.panels import Panel, PanelRow, draw_png, draw_svg, to_pixels
    from cnnkit.files.writing.atomic import write_bytes

    if len(model.input_shape) != 3 or model.input_shape[0] not in (1, 3):
        raise ConfigError(f"-o: draws pictures of 1 or 3 channels, the network's input is {model.input_shape}")
    white, rows = dataset.scaling.white, []
    for unit, (found, seen) in units.items():
        panels = []
        for one, box in zip(found, seen, strict=True):
            raw = dataset.split(split).take([one.sample])[0][0].astype(np.float64) / white
            panels.append(Panel(to_pixels(cut_seen(raw, box)), f"{one.value:.3g}, {one.sample}"))
        rows.append(PanelRow(f"channel {unit}", panels))
    notes = [where, "below each window: the value, and the number of the image"]
    draw = draw_svg if out.suffix.lower() == ".svg" else draw_png
    drawn = draw(title, notes, rows, _SIDE)
    write_bytes(out, drawn.encode() if isinstance(drawn, str) else drawn)
