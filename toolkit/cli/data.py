"""`cnnkit data`: the known data sets, downloads, and single images in the terminal."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnkit.cli.completion import complete_augment, complete_data, complete_fetched
from cnnkit.cli.help_groups import GroupedCommand, GroupedGroup
from cnnkit.cli.options import Quiet, Verbose, Version
from cnnkit.cli.place import require_place
from cnnkit.cli.reading_options import ReadingRequest
from cnnkit.cli.request import Request, take_options
from cnnkit.cli.tables import format_shape, format_size, print_table
from cnnkit.cli.viewing import (
    DataPart,
    Indices,
    Show,
    ShowAs,
    draw,
    name_class,
    scale_for_view,
    take_image,
)
from cnnkit.errors import ConfigError
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
    split: Annotated[
        DataPart | None,
        typer.Option("--split", help="The part of the data set.  [default: test; with --augment train]"),
    ] = None
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:...],...",
            autocompletion=complete_augment,
            help="Show each image as a training changes it too: flip,crop:4,rotate:10.",
        ),
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="The seed of the training.")] = 0
    epoch: Annotated[
        list[int] | None,
        typer.Option(
            min=1, metavar="N", help="An epoch of the training, from 1; repeatable.  [default: 1; in OUT 1-8]"
        ),
    ] = None
    show: ShowAs = Show.BLOCKS
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT.png", help="With --augment: a picture, a row an image.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False


@app.command("show", cls=GroupedCommand, epilog="Example: cnnkit data show digits --index 3 --show hex")
@take_options
def show_images(request: ImagesRequest) -> int:
    """Draw images of a data set in the terminal; the first one when no --index is given."""
    from cnnkit import data

    output = request.output
    if request.augment is not None:
        return _show_augmented(request)
    for option, given in (("--out", request.out), ("--epoch", request.epoch)):
        if given is not None:
            raise ConfigError(
                f"{option}: expected --augment with it, got none: it shows what a training makes of images"
            )
    split, dataset = request.split or DataPart.TEST, data.load(request.source, request.read_options())
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


def _show_augmented(request: ImagesRequest) -> int:
    """Draw images as they are and as a training changes them, in the terminal or as a picture."""
    from cnnkit import data
    from cnnkit.cli.augmented_view import change_images, draw_sheet
    from cnnkit.data.augmentation import Augmentation
    from cnnkit.files.writing.atomic import write_bytes

    output, split = request.output, request.split or DataPart.TRAIN
    require_place(request.out, (".png",), request.overwrite)
    augmentation = Augmentation.parse(str(request.augment))
    dataset = data.load(request.source, request.read_options())
    for note in dataset.notes:
        output.note(note)
    indices, epochs = request.index or [0], request.epoch or ([1] if request.out is None else list(range(1, 9)))
    white = dataset.scaling.white
    originals = [take_image(dataset, split, number)[0] for number in indices]
    views = change_images(dataset, split.value, augmentation, request.seed, indices, epochs)
    shown = []
    for number, original, row in zip(indices, originals, views, strict=True):
        if request.out is None:
            output.say(f"{printable(dataset.name)}, {split.value} image {number}")
            draw(output, scale_for_view(original, white), request.show)
        for view in row:
            shown.append({"index": number, "epoch": view.epoch, "target": view.target})
            if request.out is None:
                output.say(f"epoch {view.epoch}, seed {request.seed}, {augmentation}{view.mixed}")
                draw(output, scale_for_view(view.pixels, white), request.show)
    if request.out is not None:
        rows = [[original, *(view.pixels for view in row)] for original, row in zip(originals, views, strict=True)]
        write_bytes(request.out, draw_sheet(rows, white))
        what = f"{len(indices)} x {1 + len(epochs)} images, the first of each row as it is"
        output.say(f"wrote {request.out} ({format_size(request.out.stat().st_size)}): {what}")
    output.result({
        "source": dataset.name, "split": split.value, "augment": str(augmentation), "seed": request.seed,
        "out": None if request.out is None else str(request.out), "shown": shown,
    })  # fmt: skip
    return 0
