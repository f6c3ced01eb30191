"""The program: its options, and errors as one line each.

Exit status: 0 done, 1 the answer is no, 2 bad usage or input, 130 interrupted, 141 when the reader of standard output
closed the pipe (128 + SIGPIPE, as the shell reports of other programs).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cnnkit.cli.commands import Commands
from cnnkit.cli.output import Output, reset_settings, set_quiet, set_verbose
from cnnkit.cli.streams import WatchedFile, watch_output
from cnnkit.errors import CnnkitError

CLOSED_PIPE = 141

app = typer.Typer(
    name="cnnkit",
    cls=Commands,
    help="Convolutional networks with pluggable backends and inspectable weights.",
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
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only results, no progress.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print more, with tracebacks of defects.")] = False,
) -> None:
    set_quiet(quiet)
    set_verbose(verbose)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status; every failure is one line on standard error."""
    reset_settings()
    with watch_output() as file:
        output = Output(json="--json" in arguments)
        status = _run(arguments, output, file)
    if file.failure is None or status == 2:  # an error in the input has been explained
        return status
    if isinstance(file.failure, BrokenPipeError):  # the wish of the reader, which needs no word
        return CLOSED_PIPE
    output.fail(f"standard output: {file.failure.strerror}: make room, or write to another place", "usage")
    return 2


def _run(arguments: Sequence[str], output: Output, file: WatchedFile) -> int:
    try:
        status: Any = app(args=list(arguments), prog_name="cnnkit", standalone_mode=False)
    except KeyboardInterrupt:
        output.fail("interrupted", "usage")
        return 130
    except SystemExit:  # of the option parser: completion was installed, or the reader closed the pipe
        return 0
    except Exception as error:
        if error is file.failure:
            return 0  # which `run` explains
        _explain(error, output)
        return 2
    return status if isinstance(status, int) else 0


def _explain(error: Exception, output: Output) -> None:
    """Print a failure in one line; with -v, a defect of cnnkit is raised again."""
    describe = getattr(error, "format_message", None)
    if isinstance(error, CnnkitError):
        output.fail_with(error)
    elif isinstance(error, OSError):
        output.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), "usage")
    elif isinstance(error, MemoryError):
        output.fail("not enough memory: try a smaller --batch-size or --limit", "too_big")
    elif describe is not None:  # an error of the option parser
        context = getattr(error, "ctx", None)
        text = " ".join(describe().split())
        if text:  # without a text, the parser has printed the help
            output.fail(f"{text} (see {context.command_path if context else 'cnnkit'} --help)", "usage")
    elif output.verbose:
        raise error
    else:
        output.fail(f"a defect of cnnkit, please report it: {type(error).__name__}: {error} (-v shows where)", "defect")
