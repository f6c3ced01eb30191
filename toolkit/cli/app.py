"""The program: its commands, and what becomes of errors. Exit status 0 done, 1 the answer is no, 2 bad input, 130 interrupted."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cnnkit.cli import backends, data, evaluate, export, formats, gradcheck, inspect, predict, recipes, summary, train
from cnnkit.cli.output import Output, configure
from cnnkit.errors import CnnkitError

app = typer.Typer(
    name="cnnkit",
    help="Convolutional networks with pluggable backends, whose every weight can be seen.",
    epilog="Start with: cnnkit train",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cnnkit {version('cnnkit')}")
        raise typer.Exit


@app.callback()
def _globals(
    version: Annotated[  # noqa: ARG001 (its callback answers)
        bool, typer.Option("--version", help="Print the version and leave.", callback=_version, is_eager=True)
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print results alone, no progress.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print more, and tracebacks of defects.")] = False,
) -> None:
    configure(quiet=quiet, verbose=verbose)


for command in (train, evaluate, predict, export, inspect, summary, gradcheck, backends, recipes, formats):
    app.command(command.NAME, epilog=f"Example: {command.EXAMPLE}")(command.command)
app.add_typer(data.app, name="data")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status; every failure is one line on standard error."""
    output = Output(json="--json" in arguments)
    try:
        status: Any = app(args=list(arguments), prog_name="cnnkit", standalone_mode=False)
    except KeyboardInterrupt:
        output.fail("interrupted", "usage")
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CnnkitError as error:
        output.fail_with(error)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        output.fail(f"{place}{error.strerror or error}", "usage")
        return 2
    except MemoryError:
        output.fail("not enough memory: try a smaller --batch-size or --limit", "too_big")
        return 2
    except Exception as error:
        return _usage(error, output)
    return status if isinstance(status, int) else 0


def _usage(error: Exception, output: Output) -> int:
    """Print what the option parser refused; anything else is a defect of cnnkit, reported in one line."""
    describe = getattr(error, "format_message", None)
    if describe is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "cnnkit"
        text = " ".join(describe().split())
        if not text:  # the parser has printed the help already
            return 2
        output.fail(f"{text} (see {path} --help)", "usage")
        return 2
    if output.verbose:
        raise error
    kind = type(error).__name__
    output.fail(f"a defect of cnnkit, please report it: {kind}: {error} (-v shows where)", "defect")
    return 2
