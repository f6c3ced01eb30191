"""The output of a command: text on standard output, or one JSON object there and the rest on standard error."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from cnnkit.cli.hints import find_hint
from cnnkit.cli.streams import discard
from cnnkit.documents.forms import TableForm
from cnnkit.errors import CnnkitError, WeightFileError
from cnnkit.files.json_text import dump_json
from cnnkit.files.names import escape_hidden, join_lines, printable

_LONGEST = 4000  # characters of an error
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


class SafeConsole(Console):
    """A console on which text has no power: what a terminal may interpret or hide is escaped, whoever printed it.

    A closed pipe is reported as the error that it is, instead of leaving the program.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Yield the pieces of what is printed, their texts escaped; colours and cursor are the console's own."""
        for piece in super().render(*arguments, **options):
            safe = piece.text if piece.control else escape_hidden(piece.text, keep="\n")
            yield piece if safe == piece.text else Segment(safe, piece.style)

    def on_broken_pipe(self) -> None:
        """Raise the error that is being handled."""
        raise  # noqa: PLE0704 (rich calls this while it handles BrokenPipeError)


class ErrorConsole(SafeConsole):
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
        self.people = SafeConsole(stderr=json)
        self.people.soft_wrap = not self.people.is_terminal
        self.errors = ErrorConsole(stderr=True, soft_wrap=True)

    @property
    def has_colours(self) -> bool:
        """Whether people read the result in a terminal with colours."""
        return self.people.is_terminal and not self.people.no_color

    @property
    def verbose(self) -> bool:
        """Whether -v was given."""
        return _settings["verbose"]

    def say(self, text: str | Text = "", style: str = "", **options: Any) -> None:
        r"""Print a part of the result as text; print nothing when the result has another form.

        A string is one line, whatever it holds: its line breaks are shown as \x0a. A Text may have more lines.
        """
        if not self.json and self.form is TableForm.TEXT:
            self.people.print(Text(escape_hidden(text), style) if isinstance(text, str) else text, **options)

    def say_lines(self, lines: Iterable[str]) -> None:
        """Print lines as `say` prints one, in a single call, which costs less."""
        self.say(Text("\n".join(map(escape_hidden, lines))))

    def note(self, text: str) -> None:
        """Print a line of progress on standard error; not with -q."""
        if not self.quiet:
            self.errors.print(escape_hidden(text))

    def result(self, values: dict[str, Any]) -> None:
        """Print the one JSON object, with --json; NaN and infinities become null."""
        if self.json:
            unicode = "utf" in (sys.stdout.encoding or "utf-8").lower()
            sys.stdout.write(dump_json(values, ascii_only=not unicode) + "\n")

    def fail_with(self, error: CnnkitError) -> None:
        """Print an error in one line."""
        if isinstance(error, WeightFileError):
            facts = {"file": error.file, "format": error.format, "offset": error.offset, "hint": error.hint}
            self.fail(str(error), error.kind, **facts)
        else:
            self.fail(str(error), "usage")

    def fail(self, message: str, kind: str, **facts: Any) -> None:
        """Print one line on standard error, and with --json the error as JSON; its hint is what to type."""
        place, hint = str(facts.get("file") or ""), facts.get("hint")
        whole = message.replace(place, escape_hidden(place))  # a name keeps its line breaks, as \x0a
        line = message = _shorten(escape_hidden(join_lines(whole.strip())))
        shown, way = printable(place), escape_hidden(hint or "")
        if shown not in line and escape_hidden(place) not in line:
            line = f"{shown}: {line}"
        if way not in line:
            line = f"{line}: {way}"
        self.errors.print(Text.assemble(("error:", "bold red"), f" {line}"))
        empty = dict.fromkeys(("file", "format", "offset"))
        self.result({"error": {"kind": kind, "message": message} | empty | facts | {"hint": hint or find_hint(line)}})


def _shorten(line: str) -> str:
    """Return a line without its middle where an option of 100,000 characters is quoted in it."""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
