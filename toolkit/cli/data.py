"""`cnnkit data`: the known data sets, downloads, and single images in the terminal."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnkit.cli.completion import complete_data, complete_fetched
from cnnkit.cli.help_groups import GroupedCommand, GroupedGroup
from cnnkit.cli.options import Quiet, Verbose, Version
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.cli.request import Request, take_options
from cnnkit.cli.tables import format_shape, format_size, print_table
from cnnkit.cli.viewing import (
    DataPart,
    Indices,
    Show,
    ShowAs,
    SplitPart,
    draw,
    name_class,
    scale_for_view,
    take_image,
)
from cnnkit.files.names import printable

_MOST_VALUES = 1 << 20  # of an image that are printed as JSON

app = typer.Typer(
    cls=GroupedGroup,
    epilog="Example: cnnkit data list",
    help="List data sets, fetch one, show an image.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _globals(version: Version = False, quiet: Quiet = False, verbose: Verbose = False) -> None:  # noqa: ARG001
    """Remove what killed fetches and trainings left; the callbacks of the options do the rest."""
    from cnnkit.files.writing.abandoned import clear_abandoned

    clear_abandoned(Path())


@app.command("list", cls=GroupedCommand, epilog="Example: cnnkit data list")
@take_options
def list_data(request: Request) -> int:
    """List the named data sets and the location of each."""
    from cnnkit.data import cache_folder, known
    from cnnkit.files.writing.abandoned import clear_abandoned

    output, cache = request.output, cache_folder()
    if cache is not None:
        clear_abandoned(cache)
    rows = [
        (
            entry.name,
            f"{entry.train_images:,} + {entry.test_images:,}",
            format_shape(entry.image_shape),
            entry.task,
            entry.licence or "",
            entry.location or f"not fetched ({format_size(entry.download_bytes)})",
        )
        for entry in known()
    ]
    print_table(output, ("data", "train + test", "sample", "gives", "licence", "where"), rows, " r  ww")
    output.note("fetch one with: cnnkit data fetch NAME")
    output.note("--data takes these names, or a path: IDX folder, .npz, .csv, .h5, folder of images")
    output.result({"data": [asdict(entry) for entry in known()]})
    return 0


@dataclass(frozen=True)
class FetchRequest(Request):
    """A data set to download."""

    name: Annotated[
        str, typer.Argument(metavar="NAME", autocompletion=complete_fetched, help="mnist or fashion-mnist.")
    ]


@app.command("fetch", cls=GroupedCommand, epilog="Example: cnnkit data fetch mnist")
@take_options
def fetch_data(request: FetchRequest) -> int:
    """Download a data set into the user's cache; the SHA-256 of each file is checked."""
    from cnnkit.data import fetch, known

    output = request.output
    name = request.name
    if any(entry.name == name and entry.location is None for entry in known()):
        output.note(f"fetching {name} ...")
    folder = fetch(name)
    output.say(f"{name} is in {folder}: cnnkit train --data {name} --recipe lenet5")
    output.result({"name": name, "path": str(folder)})
    return 0


@dataclass(frozen=True)
class ImagesRequest(ReadingRequest):
    """Images of a data set to draw."""

    source: Annotated[str, typer.Argument(metavar="SOURCE", autocompletion=complete_data, help="A name, or a path.")]
    index: Indices = None
    split: SplitPart = DataPart.TEST
    show: ShowAs = Show.BLOCKS


@app.command("show", cls=GroupedCommand, epilog="Example: cnnkit data show digits --index 3 --show hex")
@take_options
def show_images(request: ImagesRequest) -> int:
    """Draw images of a data set in the terminal; the first one when no --index is given."""
    from cnnkit import data

    output = request.output
    split, dataset = request.split, data.load(request.source, request.read_options())
    images = len(dataset.split(split.value))
    for note in dataset.notes:
        output.note(note)
    shown: list[dict[str, Any]] = []
    undefined: dict[str, str] = {}
    for number in request.index or [0]:
        raw, label = take_image(dataset, split, number)
        name = "" if label is None else f": class {printable(name_class(label, dataset.class_names))}"
        output.say(f"{printable(dataset.name)}, {split.value} image {number} of {images:,}{name}")
        if not output.json:
            draw(output, scale_for_view(raw, dataset.scaling.white), request.show)
            continue
        few = raw.size <= _MOST_VALUES
        if not few:
            undefined[f"shown.{len(shown)}.pixels"] = f"{raw.size:,} values, more than {_MOST_VALUES:,}"
        pixels = raw.tolist() if few else None
        class_name = None if label is None else dataset.class_names[label]
        shown.append({"index": number, "label": label, "class_name": class_name, "pixels": pixels})
    facts: dict[str, Any] = {
        "source": dataset.name,
        "split": split.value,
        "images": images,
        "shape": list(dataset.image_shape),
        "notes": list(dataset.notes),
    }
    output.result(facts | {"shown": shown} | ({"undefined": undefined} if undefined else {}))
    return 0
