"""The output of a command: text on standard output, or one JSON object there and the rest on standard error."""

import json
import math
import re
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.markup import escape

from cnnkit.cli.hints import find_hint
from cnnkit.cli.streams import discard
from cnnkit.documents.forms import TableForm
from cnnkit.errors import CnnkitError, WeightFileError

_settings = {"quiet": False, "verbose": False}


def set_quiet(value: bool) -> None:
    """Set -q for this run; once set, it stays."""
    _settings["quiet"] |= value


def set_verbose(value: bool) -> None:
    """Set -v for this run; once set, it stays."""
    _settings["verbose"] |= value


def reset_settings() -> None:
    """Unset -q and -v: a new run begins."""
    _settings.update(quiet=False, verbose=False)


class PipeConsole(Console):
    """A console that reports a closed pipe as the error that it is, instead of leaving the program."""

    def on_broken_pipe(self) -> None:
        """Raise the error that is being handled."""
        raise  # noqa: PLE0704 (rich calls this while it handles BrokenPipeError)


class ErrorConsole(PipeConsole):
    """A console on standard error; when nobody can read it, the work continues without."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or nothing when standard error cannot be written."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True
            with suppress(OSError, ValueError):  # a stream of a test may have no number
                discard(sys.stderr.fileno())


class Output:
    """The output of one command.

    json: print one JSON object at the end, and nothing else, on standard output.
    form: the form of the tables; in any but text, standard output has them and nothing else. blocks: how many it has.
    """

    def __init__(self, json: bool = False, quiet: bool = False, form: TableForm = TableForm.TEXT) -> None:
        self.json, self.form, self.blocks = json, form, 0
        self.quiet = quiet or _settings["quiet"]
        self.people = PipeConsole(stderr=json, highlight=False, emoji=False)
        self.people.soft_wrap = not self.people.is_terminal
        self.errors = ErrorConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)

    @property
    def has_colours(self) -> bool:
        """Whether people read the result in a terminal with colours."""
        return self.people.is_terminal and not self.people.no_color

    @property
    def verbose(self) -> bool:
        """Whether -v was given."""
        return _settings["verbose"]

    def say(self, text: Any = "", **options: Any) -> None:
        """Print a part of the result as text; print nothing when the result has another form."""
        if not self.json and self.form is TableForm.TEXT:
            self.people.print(text, **options)

    def note(self, text: str) -> None:
        """Print progress on standard error; not with -q."""
        if not self.quiet:
            self.errors.print(escape(text))

    def result(self, values: dict[str, Any]) -> None:
        """Print the one JSON object, with --json; NaN and infinities become null."""
        if self.json:
            finite = _replace_non_finite(values)
            sys.stdout.write(json.dumps(finite, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def fail_with(self, error: CnnkitError) -> None:
        """Print an error in one line."""
        if isinstance(error, WeightFileError):
            facts = {"file": error.file, "format": error.format, "offset": error.offset, "hint": error.hint}
            self.fail(str(error), error.kind, **facts)
        else:
            self.fail(str(error), "usage")

    def fail(self, message: str, kind: str, **facts: Any) -> None:
        """Print one line on standard error, and with --json the error as JSON; its hint is what to type."""
        line = message = re.sub(r"\s*[\r\n]\s*", " ", message.strip())
        place, hint = facts.get("file"), facts.get("hint")
        if place and str(place) not in line:
            line = f"{place}: {line}"
        if hint and hint not in line:
            line = f"{line}: {hint}"
        self.errors.print(f"[bold red]error:[/] {escape(line)}")
        empty = dict.fromkeys(("file", "format", "offset"))
        self.result({"error": {"kind": kind, "message": message} | empty | facts | {"hint": hint or find_hint(line)}})


def _replace_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replace_non_finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
