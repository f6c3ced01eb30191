"""A request: the options of a command as the fields of a dataclass, declared once and passed on as one value."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any

from cnnkit.cli.options import FormOfTables, Json, Quiet, Verbose, Version
from cnnkit.cli.output import Output
from cnnkit.documents.forms import TableForm
from cnnkit.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of every command. The fields of a subclass are further options, listed before these."""

    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False
    version: Version = False

    @cached_property
    def output(self) -> Output:
        """Where the command prints."""
        return Output(self.json, self.quiet)


@dataclass(frozen=True, kw_only=True)
class TableRequest(Request):
    """The options of a command whose tables have several forms."""

    format: FormOfTables = TableForm.TEXT

    @cached_property
    def output(self) -> Output:
        """Where the command prints. Raises ConfigError when two forms are requested."""
        if self.json and self.format is not TableForm.TEXT:
            raise ConfigError(f"expected --json or --format {self.format}, got both: leave one out")
        return Output(self.json, self.quiet, self.format)


def take_options(command: Callable[[Any], int]) -> Callable[..., int]:
    """Return `command`, a function of one request, as a function of the request's fields, as Typer expects it."""
    (parameter,) = signature(command).parameters.values()
    request = parameter.annotation

    def call(**options: Any) -> int:
        return command(request(**options))

    call.__doc__ = command.__doc__
    call.__dict__["__signature__"] = signature(request)
    return call
