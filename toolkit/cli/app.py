"""The program: its options, and errors as one line each.

Exit status: 0 done, 1 the answer is no, 2 bad usage or input, 130 interrupted, 143 after SIGTERM, 129 after SIGHUP, 138
of workers after SIGUSR1, 141 when the reader of standard output closed the pipe (128 + SIGPIPE, as the shell reports of
other programs).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import typer

from cnnkit.cli.commands import Commands
from cnnkit.cli.group import is_silent
from cnnkit.cli.options import Quiet, Verbose, Version
from cnnkit.cli.output import Output, reset_settings
from cnnkit.cli.streams import WatchedFile, mute, watch_output
from cnnkit.errors import CnnkitError
from cnnkit.files.writing.advice import describe_failure

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


@app.callback()
def _globals(version: Version = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Take the options of every command before its name too; their callbacks do the rest."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit status; every failure is one line on standard error."""
    reset_settings()
    with mute() if is_silent(arguments) else nullcontext(), watch_output() as file:
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
    except KeyboardInterrupt:  # where no handler of signals stands, as in a notebook
        output.fail("interrupted", "usage")
        return 130
    except SystemExit:  # of the option parser: completion was installed, or the reader closed the pipe
        return 0
    except Exception as error:
        if error is file.failure:
            return 0  # which `run` explains
        _explain(error, output, arguments)
        return 2
    return status if isinstance(status, int) else 0


def _explain(error: Exception, output: Output, arguments: Sequence[str]) -> None:
    """Print a failure in one line; with -v, a defect of cnnkit is raised again."""
    if isinstance(error, CnnkitError):
        output.fail_with(error)
    elif isinstance(error, OSError):
        output.fail(describe_failure(error), "usage")
    elif isinstance(error, MemoryError):
        output.fail("not enough memory: try a smaller --batch-size or --limit", "too_big")
    elif isinstance(error, RuntimeError) and "home directory" in str(error):
        output.fail("this user has no home: set HOME to a folder", "usage")
    elif hasattr(error, "format_message"):  # an error of the option parser
        from cnnkit.cli.mistakes import explain_usage

        text = explain_usage(error, arguments)
        if text:  # without a text, the parser has printed the help
            output.fail(text, "usage")
    elif output.verbose:
        raise error
    else:
        output.fail(f"a defect of cnnkit, please report it: {type(error).__name__}: {error} (-v shows where)", "defect")
