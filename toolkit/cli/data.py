"""`cnnkit data`: the data sets there are, downloads, and a look at one image."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from cnnkit.cli.options import Json, Quiet, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table, shape_text, size_text
from cnnkit.cli.viewing import Indices, Part, Show, ShowAs, SplitPart, called, draw, take, white
from cnnkit.files.names import printable

app = typer.Typer(help="List data sets, fetch one, look at an image.", no_args_is_help=True, add_completion=False)


@app.command("list", epilog="Example: cnnkit data list")
def listing(
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """List the data sets that have a name, and where each is."""
    from cnnkit.data import known

    output = Output(json, quiet)
    rows = [
        (
            entry.name,
            f"{entry.train_images:,} + {entry.test_images:,}",
            shape_text(entry.image_shape),
            str(entry.classes),
            entry.licence or "",
            entry.location or f"not fetched ({size_text(entry.download_bytes)})",
        )
        for entry in known()
    ]
    print_table(output, ("data", "train + test", "image", "classes", "licence", "where"), rows, " r r")
    output.note("fetch one with: cnnkit data fetch NAME")
    output.note("--data takes these names, or a path: IDX folder, .npz, .csv, .h5, folder of images")
    output.result({"data": [asdict(entry) for entry in known()]})
    return 0


@app.command("fetch", epilog="Example: cnnkit data fetch mnist")
def fetching(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mnist or fashion-mnist.")],
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Download a data set into the user's cache, each file checked against its SHA-256."""
    from cnnkit.data import fetch, known

    output = Output(json, quiet)
    there = {entry.name: entry.location for entry in known()}
    if name in there and there[name] is None:
        output.note(f"fetching {name} ...")
    folder = fetch(name)
    output.say(Text(f"{name} is in {folder}: cnnkit train --data {name} --recipe lenet5"))
    output.result({"name": name, "path": str(folder)})
    return 0


@app.command("show", epilog="Example: cnnkit data show digits --index 3 --show hex")
def showing(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A name, or a path.")],
    index: Indices = None,
    split: SplitPart = Part.TEST,
    show: ShowAs = Show.BLOCKS,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Draw images of a data set in the terminal; the first one when no --index is given."""
    from cnnkit import data

    output = Output(json, quiet)
    dataset = data.load(source)
    images = len(dataset.split(split.value))
    shown = []
    for number in index or [0]:
        raw, label = take(dataset, split, number)
        name = printable(called(label, dataset.class_names))
        output.say(Text(f"{printable(dataset.name)}, {split.value} image {number} of {images:,}: class {name}"))
        draw(output, raw / white(dataset.scaling), show)
        shown.append(
            {"index": number, "label": label, "class_name": dataset.class_names[label], "pixels": raw.tolist()}
        )
    facts = {"source": dataset.name, "split": split.value, "images": images, "shape": list(dataset.image_shape)}
    output.result(facts | {"shown": shown})
    return 0
