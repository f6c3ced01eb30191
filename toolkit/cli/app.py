"""The program: its options, and errors as one line each.

Exit status: 0 done, 1 the answer is no, 2 bad usage or input, 130 interrupted, 143 after SIGTERM, 129 after SIGHUP.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from cnnkit.cli.commands import Commands
from cnnkit.cli.output import Output, reset_settings, set_quiet, set_verbose
from cnnkit.cli.signals import Terminated
from cnnkit.errors import CnnkitError

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
    try:
        status: Any = app(args=list(arguments), prog_name="cnnkit", standalone_mode=False)
    except KeyboardInterrupt:
        Output(json="--json" in arguments).fail("interrupted", "usage")
        return 130
    except Terminated as ended:
        with suppress(OSError):  # the terminal may be gone
            Output(json="--json" in arguments).fail("terminated", "usage")
        return ended.status
    except SystemExit:  # raised by the option parser when the reader of our output closes the pipe
        return 0
    except Exception as error:
        _explain(error, Output(json="--json" in arguments))
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
