"""`cnnkit export`: a weight file into another format."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.choice import drop_unset
from cnnkit.cli.completion import complete_format
from cnnkit.cli.loading import NetworkSource, read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, DataSource, External, FittingModel, FittingRecipe, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.partial import AllowPartial, list_not_read, print_left_out
from cnnkit.cli.place import require_other
from cnnkit.cli.request import Request
from cnnkit.cli.samples import SampleRequest, read_images, read_pictures
from cnnkit.cli.sizes import parse_size
from cnnkit.cli.tables import format_size
from cnnkit.cli.watching import watch_reading
from cnnkit.errors import CnnkitError, ConfigError, ExportError
from cnnkit.files.names import format_count, printable, to_text
from cnnkit.files.writing.atomic import require_writable
from cnnkit.files.writing.folder import require_new_folder

if TYPE_CHECKING:
    from cnnkit.exporters import Format, WeightFile

EXAMPLE = "cnnkit export weights.h5 --format svg"
TO_STANDARD_OUTPUT = Path("-")
_LONGEST_INDEX = 10  # digits
_NEED_NETWORK = ("keras", "onnx", "svg")


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
    shard_size: Annotated[
        str | None,
        typer.Option(
            "--shard-size", metavar="SIZE", help="safetensors, torch: files of up to 500MB, 2GiB; OUT: a folder."
        ),
    ] = None
    activations: Annotated[
        str | None,
        typer.Option(metavar="INDEX|PNG", help="svg: draw activations too: of that test image, or of your picture."),
    ] = None
    data: DataSource = None
    optimizer: Annotated[bool, typer.Option("--optimizer", help="Keep the tensors that only a resume needs.")] = False
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave out what FILE tells of its maker; see cnnkit inspect.")
    ] = False
    external: External = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, whatever it holds.")] = False
    allow_partial: AllowPartial = False
    recipe: FittingRecipe = None
    model: FittingModel = None


def command(request: ExportRequest) -> int:
    """Write a weight file in another format; every tensor is read back and compared before OUT exists.

    Nothing is written, and the status is 1, when FILE could be read in part alone, unless --allow-partial is given.
    """
    from cnnkit import exporters

    output, file = request.output, request.file
    shard_bytes = None if request.shard_size is None else parse_size(request.shard_size, "--shard-size")
    form, target = _choose_format(request) if shard_bytes is None else _choose_shards(request)
    options = _require_options(request, form)
    if target != TO_STANDARD_OUTPUT:
        require_other(target, file, model=request.model, data=request.data, activations=request.activations)
        (require_writable if shard_bytes is None else require_new_folder)(target)
    source = _read_source(request, form)
    for part in source.files if target != TO_STANDARD_OUTPUT else ():  # a shard of FILE must stay
        require_other(target, Path(part))
    digest = _digest(source)  # which reads all of FILE, so FILE is known to be sound
    if shard_bytes is None:
        _require_free(digest, request, target)
    left_out = list_not_read(source)
    if source.lacks and not (request.allow_partial and len(source)):
        return _refuse(request, source, left_out)
    weights = _select(source, request.optimizer)
    if len(weights) < len(source):
        count = len(source) - len(weights)
        left_out.append(f"left out: {format_count(count, 'tensor')} that only a resume needs (--optimizer keeps them)")
    if shared := sum(tensor.shares is not None for tensor in weights):
        left_out.append(f"{format_count(shared, 'tensor')} with the values of another: each gets values of its own")
    if request.activations is not None:
        weights = _add_activations(request, weights, request.activations)
    origin = {"file": to_text(file.name), "sha256": digest}
    marked = replace(weights, metadata=weights.metadata | {"exported_from": origin})
    if request.anonymous:
        marked = _drop_maker(output, marked)
    left_out += [f"{form.name} cannot hold: {line}" for line in form.losses(marked)]
    if target == TO_STANDARD_OUTPUT:
        _print(marked, form, **options)
        print_left_out(output, left_out)
        return 0
    with watch_reading(output, f"writing {target.name}", passes=2) as watch:  # written, and compared
        if shard_bytes is None:
            exporters.write(watch(marked), target, form.name, overwrite=True, **options)
            written = [target]
        else:
            target = exporters.write_shards(watch(marked), request.out or target, shard_bytes, form.name)
            written = list(target.parent.iterdir())
    print_left_out(output, left_out)
    size = sum(path.stat().st_size for path in written)
    shards = f" in {format_count(len(written) - 1, 'shard')} and their index" if len(written) > 1 else ""
    contents = f"{format_count(len(weights), 'tensor')}, {format_count(weights.parameters, 'parameter')}"
    output.say(f"wrote {target} ({form.name}, {format_size(size)}{shards}): {contents}")
    output.result({
        "file": str(file), "out": str(target), "format": form.name, "size": size, "tensors": len(weights),
        "parameters": weights.parameters, "left_out": left_out,
    })  # fmt: skip
    return 0


def _read_source(request: ExportRequest, form: "Format") -> "WeightFile":
    """Return what FILE holds: the tensors of a stranger as they are, or its network where the format needs one."""
    network = NetworkSource(request.file, request.recipe, request.model, request.external)
    if request.recipe is None and request.model is None and form.name not in _NEED_NETWORK:
        return read_complete(request.file, request.external)
    return network.read(request.output)


def _choose_format(request: ExportRequest) -> tuple["Format", Path]:
    """Return the format of OUT, and OUT. Raises ConfigError or ExportError when the options name none that can be."""
    from cnnkit import exporters

    name, out = request.format, request.out
    if out == TO_STANDARD_OUTPUT:
        if name not in ("txt", "json") or request.json:
            raise ConfigError("-o -: expected --format txt or json, and no --json: name a file for any other")
    elif name is None and out is None:
        writable = ", ".join(key for key, form in exporters.formats().items() if form.writes)
        raise ConfigError(f"expected --format NAME or -o OUT with a suffix, got neither: cnnkit writes {writable}")
    form = exporters.choose(str(out), name)
    file = request.file.resolve() if request.file.is_dir() else request.file  # such as "."
    return form, out or file.parent / (file.stem + form.suffixes[0])


def _choose_shards(request: ExportRequest) -> tuple["Format", Path]:
    """Return the format of shards, and the new folder for them. Raises ConfigError or ExportError as above."""
    from cnnkit import exporters

    if request.out is None or request.out == TO_STANDARD_OUTPUT:
        raise ConfigError("--shard-size: expected -o OUT, a new folder or the name of an index in one: name it")
    if request.overwrite:
        raise ConfigError("--shard-size: expected no --overwrite, which replaces no folder: name a new one with -o OUT")
    target = exporters.choose_shards(request.out, request.format)
    return target.form, target.folder


def _require_options(request: ExportRequest, form: "Format") -> dict[str, Any]:
    """Return the options for the format. Raises ConfigError when it has no such option."""
    options = drop_unset(precision=request.precision, compression=request.compression)
    for name in options.keys() - form.options.keys():
        raise ConfigError(f"--{name}: {form.name} has no such option: leave it out")
    if request.activations is not None and form.name != "svg":
        raise ConfigError(f"--activations: expected --format svg, got {form.name}: leave it out")
    return options


def _digest(source: "WeightFile") -> str | None:
    """Return the SHA-256 of FILE, or of the index and all shards; None of what is no file."""
    from cnnkit.files.file_digest import sha256_of

    paths = [Path(path) for path in source.files]
    return sha256_of(*paths) if paths and all(path.is_file() for path in paths) else None


def _require_free(digest: str | None, request: ExportRequest, target: Path) -> None:
    """Raise ExportError unless OUT is new, an earlier export of FILE, or may be overwritten."""
    if not target.exists() or request.overwrite:
        return
    source, edited = _read_origin(target)
    if source != digest:
        raise ExportError(
            f"{target}: already exists and is not an export of {request.file}: choose another -o, or --overwrite"
        )
    if edited:
        raise ExportError(
            f"{target}: {printable(edited[0])} was edited since it was exported: choose another -o, or --overwrite"
        )


def _refuse(request: ExportRequest, source: "WeightFile", left_out: list[str]) -> int:
    """Say what could not be read and what to type; write nothing."""
    readable = format_count(len(source), "readable tensor")
    way = f"--allow-partial writes the {readable}" if len(source) else "no tensor could be read"
    print_left_out(request.output, [*left_out, f"nothing was written: {way}"])
    request.output.result({
        "file": str(request.file), "out": None, "format": None, "size": None, "tensors": len(source),
        "parameters": source.parameters, "left_out": left_out,
        "undefined": dict.fromkeys(("out", "format", "size"), "nothing was written: FILE could be read in part alone"),
    })  # fmt: skip
    return 1


def _select(weights: "WeightFile", optimizer: bool) -> "WeightFile":
    selected = tuple(tensor for tensor in weights if optimizer or tensor.kind != "optimizer")
    return replace(weights, tensors=selected, position=weights.position if optimizer else None)


def _drop_maker(output: Output, weights: "WeightFile") -> "WeightFile":
    from cnnkit.cli.data_source import public_names
    from cnnkit.inspection.maker import describe_maker, drop_maker

    public = public_names()
    told = describe_maker(weights, public)
    output.note(f"left out, as it tells of the maker: {', '.join(told) or 'nothing, the file tells nothing'}")
    return drop_maker(weights, public)


def _add_activations(request: ExportRequest, weights: "WeightFile", which: str) -> "WeightFile":
    """Return the weights with the activations of one image, and in the metadata which it is and what was predicted.

    which: the number of a test image, or a picture file.
    """
    from cnnkit.activations import activations
    from cnnkit.model import Model

    model = Model.from_weights(weights)
    index = int(which) if which.isascii() and which.isdigit() and len(which) < _LONGEST_INDEX else None
    shown = SampleRequest(data=request.data, json=request.json, quiet=request.quiet)
    if index is None:
        sample = next(iter(read_pictures(shown, model, weights, [Path(which)], "--activations")))
        name = f"the picture {to_text(Path(which).name)}"
    else:
        sample = next(iter(read_images(shown, model, weights, [index], "--activations")))
        data, _, place = sample.title.rpartition(", ")
        name = f"{place} of {to_text(Path(data).name)}"
    predicted, scores = int(model.predict(sample.x[None])[0]), model.probabilities(sample.x[None])[0]
    black, white = sample.extremes
    known = sample.label if sample.label is not None and sample.label < len(scores) else None
    facts = {
        "name": name, "label": known, "predicted": predicted, "score": float(scores[predicted]),
        "black": black, "white": white,
    }  # fmt: skip
    tensors = (*weights.tensors, *activations(model, sample.x))
    return replace(weights, tensors=tensors, metadata=weights.metadata | {"sample": facts})


def _print(weights: "WeightFile", form: "Format", **options: Any) -> None:
    """Write to a temporary file, then copy it to standard output: a failure prints nothing."""
    import shutil
    import tempfile

    from cnnkit import exporters
    from cnnkit.files.writing.abandoned import clear_abandoned
    from cnnkit.files.writing.temporary import temporary_folder

    place = Path(tempfile.gettempdir())
    clear_abandoned(place)
    with temporary_folder(place / "export") as folder:
        path = folder / f"out{form.suffixes[0]}"
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
