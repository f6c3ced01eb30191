"""`cnnkit export`: a weight file into another format."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cnnkit.cli.choice import drop_unset
from cnnkit.cli.completion import complete_format
from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, DataSource, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.request import Request
from cnnkit.cli.tables import format_size
from cnnkit.cli.viewing import DataPart, find_white, take_image
from cnnkit.errors import CnnkitError, ConfigError, ExportError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Format, WeightFile

EXAMPLE = "cnnkit export weights.h5 --format svg"
TO_STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True)
class ExportRequest(Request):
    """A file, the format to write, and its options."""

    file: WeightsFile = DEFAULT_WEIGHTS
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            autocompletion=complete_format,
            help="See cnnkit formats; else by OUT's suffix.",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="FILE with the format's suffix when not given; - is stdout."),
    ] = None
    precision: Annotated[int | None, typer.Option(min=1, max=17, help="txt: round to that many digits.")] = None
    compression: Annotated[int | None, typer.Option(min=0, max=9, help="hdf5, npz: compression level.")] = None
    activations: Annotated[
        int | None, typer.Option(min=0, metavar="INDEX", help="svg: draw the activations of that test image too.")
    ] = None
    data: DataSource = None
    optimizer: Annotated[bool, typer.Option("--optimizer", help="Keep the tensors that only a resume needs.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, whatever it holds.")] = False


def command(request: ExportRequest) -> int:
    """Write a weight file in another format; every tensor is read back and compared before OUT exists."""
    from cnnkit import exporters

    output, file = request.output, request.file
    form = _choose_format(request)
    options = _require_options(request, form)
    target = request.out or file.with_name(file.stem + form.suffixes[0])
    digest = _require_free(file, target, request.overwrite)
    weights = _select(output, read_complete(file), request.optimizer)
    if request.activations is not None:
        weights = _add_activations(weights, request.activations, request.data)
    marked = replace(weights, metadata=weights.metadata | {"exported_from": {"file": file.name, "sha256": digest}})
    left_out = form.losses(marked)
    for line in left_out:
        output.errors.print(Text(f"{form.name} cannot hold: {printable(line)}"))
    if target == TO_STANDARD_OUTPUT:
        _print(marked, form, **options)
        return 0
    exporters.write(marked, target, form.name, overwrite=True, **options)
    size = target.stat().st_size
    contents = f"{len(weights)} tensors, {weights.parameters:,} parameters"
    output.say(Text(f"wrote {target} ({form.name}, {format_size(size)}): {contents}"))
    output.result({
        "file": str(file), "out": str(target), "format": form.name, "size": size, "tensors": len(weights),
        "parameters": weights.parameters, "left_out": list(left_out),
    })  # fmt: skip
    return 0


def _choose_format(request: ExportRequest) -> "Format":
    """Return the format of OUT. Raises ConfigError or ExportError when the options name none, or one that cannot be."""
    from cnnkit import exporters

    name, out = request.format, request.out
    if out == TO_STANDARD_OUTPUT:
        if name not in ("txt", "json") or request.json:
            raise ConfigError("-o -: expected --format txt or json, and no --json: name a file for any other")
    elif name is None and out is None:
        writable = ", ".join(key for key, form in exporters.formats().items() if form.writes)
        raise ConfigError(f"expected --format NAME or -o OUT with a suffix, got neither: cnnkit writes {writable}")
    return exporters.choose(str(out), name)


def _require_options(request: ExportRequest, form: "Format") -> dict[str, Any]:
    """Return the options for the format. Raises ConfigError when it has no such option."""
    options = drop_unset(precision=request.precision, compression=request.compression)
    for name in options.keys() - form.options.keys():
        raise ConfigError(f"--{name}: {form.name} has no such option: leave it out")
    if request.activations is not None and form.name != "svg":
        raise ConfigError(f"--activations: expected --format svg, got {form.name}: leave it out")
    return options


def _require_free(file: Path, target: Path, overwrite: bool) -> str | None:
    """Return the SHA-256 of FILE. Raises unless OUT is new, an earlier export of FILE, or may be overwritten."""
    from cnnkit.files.file_digest import sha256_of

    digest = sha256_of(file) if file.is_file() else None
    if target.exists() and file.exists() and os.path.samefile(file, target):
        raise ConfigError(f"{target}: is FILE itself: name another place with -o OUT")
    if target.exists() and not overwrite:
        source, edited = _read_origin(target)
        if source != digest:
            raise ExportError(
                f"{target}: already exists and is not an export of {file}: choose another -o, or --overwrite"
            )
        if edited:
            raise ExportError(
                f"{target}: {printable(edited[0])} was edited since it was exported: choose another -o, or --overwrite"
            )
    return digest


def _select(output: Output, weights: "WeightFile", optimizer: bool) -> "WeightFile":
    selected = tuple(tensor for tensor in weights if optimizer or tensor.kind != "optimizer")
    if len(selected) < len(weights):
        output.note(
            f"left out: {len(weights) - len(selected)} tensors that only a resume needs (--optimizer keeps them)"
        )
    return replace(weights, tensors=selected, position=weights.position if optimizer else None)


def _add_activations(weights: "WeightFile", index: int, data: str | None) -> "WeightFile":
    """Return the weights with the activations of one image, and in the metadata which it is and what was predicted."""
    from cnnkit.activations import activations
    from cnnkit.cli.choice import load_data
    from cnnkit.model import Model

    dataset, model = load_data(data, weights), Model.from_weights(weights)
    part = DataPart.TEST if dataset.test is not None else DataPart.TRAIN
    _, label = take_image(dataset, part, index)
    x, _ = dataset.batch(part.value, [index], model.dtype)
    predicted = int(model.predict(x)[0])
    scaling = dataset.scaling
    sample = {
        "name": f"{part.value} image {index} of {Path(dataset.name).name}", "label": label, "predicted": predicted,
        "score": float(model.probabilities(x)[0][predicted]),
        "black": -scaling.offset * scaling.factor, "white": (find_white(scaling) - scaling.offset) * scaling.factor,
    }  # fmt: skip
    tensors = (*weights.tensors, *activations(model, x[0]))
    return replace(weights, tensors=tensors, metadata=weights.metadata | {"sample": sample})


def _print(weights: "WeightFile", form: "Format", **options: Any) -> None:
    """Write to a temporary file, then copy it to standard output: a failure prints nothing."""
    import shutil
    import tempfile

    from cnnkit import exporters

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{form.suffixes[0]}"
        exporters.write(weights, path, form.name, **options)
        with path.open("rb") as file:
            sys.stdout.flush()
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _read_origin(target: Path) -> tuple[str | None, tuple[str, ...]]:
    """Return the SHA-256 of the file that `target` was exported from (None: unknown), and the tensors edited since."""
    from cnnkit import exporters

    try:
        earlier = exporters.read(target)
    except CnnkitError:
        return None, ()
    origin = earlier.metadata.get("exported_from")
    return (origin.get("sha256") if isinstance(origin, dict) else None), earlier.edited
