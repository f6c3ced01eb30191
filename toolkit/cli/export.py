"""`cnnkit export`: a weight file into another format."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cnnkit.cli.choice import given
from cnnkit.cli.loading import read_complete
from cnnkit.cli.options import DEFAULT_WEIGHTS, Json, Quiet, Verbose, WeightsFile
from cnnkit.cli.output import Output
from cnnkit.cli.tables import size_text
from cnnkit.errors import CnnkitError, ConfigError, ExportError
from cnnkit.files.names import printable

if TYPE_CHECKING:
    from cnnkit.exporters import Format

NAME = "export"
EXAMPLE = "cnnkit export weights.h5 --format hdf5 -o small.h5 --compression 9"


def command(
    file: WeightsFile = DEFAULT_WEIGHTS,
    format: Annotated[  # noqa: A002 (the word that users type)
        str | None, typer.Option("--format", "-f", metavar="NAME", help="See cnnkit formats; else by OUT's suffix.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="FILE with the format's suffix when not given.")
    ] = None,
    compression: Annotated[int | None, typer.Option(min=0, max=9, help="hdf5: gzip level.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, whatever it holds.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """Write a weight file in another format, every tensor read back and compared before OUT is there."""
    from cnnkit import exporters

    output = Output(json, quiet)
    form = _form(format, out)
    target = out or file.with_name(file.stem + form.suffixes[0])
    weights = read_complete(file)
    if target.exists() and os.path.samefile(file, target):
        raise ConfigError(f"{target}: is FILE itself: name another place with -o OUT")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if target.exists() and not overwrite and _source_of(target) != digest:
        raise ExportError(
            f"{target}: is there already, and is no export of this {file}: choose another -o, or --overwrite"
        )
    origin = {"file": file.name, "sha256": digest}
    marked = replace(weights, metadata=weights.metadata | {"exported_from": origin})
    left_out = form.losses(marked)
    exporters.write(marked, target, form.name, overwrite=True, **given(compression=compression))
    for line in left_out:
        output.errors.print(Text(f"{form.name} cannot hold: {printable(line)}"))
    size = target.stat().st_size
    held = f"{len(weights)} tensors, {weights.parameters:,} parameters"
    output.say(Text(f"wrote {target} ({form.name}, {size_text(size)}): {held}"))
    output.result({
        "file": str(file), "out": str(target), "format": form.name, "size": size, "tensors": len(weights),
        "parameters": weights.parameters, "left_out": list(left_out),
    })  # fmt: skip
    return 0


def _form(name: str | None, out: Path | None) -> "Format":
    from cnnkit import exporters

    writable = ", ".join(key for key, form in exporters.formats().items() if form.writes)
    if name is None and out is None:
        raise ConfigError(f"expected --format NAME or -o OUT with a suffix, got neither: cnnkit writes {writable}")
    if str(out) == "-":
        raise ConfigError("-o -: only text formats can go to standard output: name a file")
    return exporters.choose(str(out), name)


def _source_of(target: Path) -> str | None:
    """Return the SHA-256 of the file that `target` was exported from, None when it was not written by an export."""
    from cnnkit import exporters

    try:
        origin = exporters.read(target).metadata.get("exported_from")
    except CnnkitError:
        return None
    return origin.get("sha256") if isinstance(origin, dict) else None
