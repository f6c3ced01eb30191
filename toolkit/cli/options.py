"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from cnnkit.cli.completion import (
    complete_backend,
    complete_data,
    complete_device,
    complete_dtype,
    complete_recipe,
    complete_scaling,
)
from cnnkit.cli.output import set_quiet, set_verbose
from cnnkit.documents.forms import TableForm


def print_version(wanted: bool) -> None:
    """Print the version and leave, where that is wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cnnkit {version('cnnkit')}")
        raise typer.Exit


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print only results, no progress.", callback=set_quiet)]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Print more, with tracebacks of defects.", callback=set_verbose)
]
FormOfTables = Annotated[
    TableForm, typer.Option("--format", metavar="FORM", help="Of the tables: text, markdown, latex or csv.")
]
Version = Annotated[
    bool, typer.Option("--version", help="Print the version and exit.", callback=print_version, is_eager=True)
]
WeightsFile = Annotated[Path, typer.Argument(metavar="FILE", help="A weight file.", show_default=True)]
External = Annotated[
    bool, typer.Option("--external", help="Open the files beside FILE too that it names for its values.")
]
DEFAULT_WEIGHTS = Path("weights.h5")

RecipeName = Annotated[
    str | None,
    typer.Option("--recipe", metavar="NAME", autocompletion=complete_recipe, help="A recipe; see cnnkit recipes."),
]
ModelFile = Annotated[Path | None, typer.Option("--model", metavar="FILE.toml", help="A file with your network.")]
FittingRecipe = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME", help="The network of a FILE that has none: a recipe.")
]
FittingModel = Annotated[
    Path | None, typer.Option("--model", metavar="FILE.toml", help="The network of a FILE that has none: your file.")
]
_BACKENDS = "numpy, torch, cupy, reference, auto, or any registered name."
BackendName = Annotated[str, typer.Option("--backend", metavar="NAME", autocompletion=complete_backend, help=_BACKENDS)]
TrainingBackend = Annotated[
    str | None,
    typer.Option("--backend", metavar="NAME", autocompletion=complete_backend, help=f"{_BACKENDS}  [default: numpy]"),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        autocompletion=complete_device,
        help="cpu, cuda, mps; by default the backend chooses.",
    ),
]


def name_numerics(exact: bool, fine: bool) -> str:
    """Return the numerics of --exact and --exact-fine, as get_backend takes them."""
    return "exact-fine" if fine else "exact" if exact else "plain"


Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads; by default one per core.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="The same bits on every backend and machine, in 2 to 4 times the time.")
]
ExactFine = Annotated[
    bool, typer.Option("--exact-fine", help="As --exact, with a tenth of the error, in 3 times the time.")
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype", metavar="NAME", autocompletion=complete_dtype, help="float32, float64, bfloat16 or float16."
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="SOURCE",
        autocompletion=complete_data,
        help="A path, or a name: digits, mnist, ... (cnnkit data list).",
    ),
]
ScalingName = Annotated[
    str | None,
    typer.Option(
        "--scaling",
        metavar="NAME",
        autocompletion=complete_scaling,
        help="How pixels become the network's input, where FILE does not say: imagenet, mnist, 0-1, tf, caffe, none.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N images.")]
