"""The help of a command: its options in groups, by what they are about."""

import shutil
from typing import Any

from typer.core import TyperCommand, TyperGroup

_OPTIONS = {
    "Data": (
        "--data", "--split", "--index", "--ask", "--limit", "--limit-test", "--validation-split", "--image",
        "--activations", "--augment", "--epoch", "--mistakes", "--samples", "--scaling", "--external", "--input-shape",
        "--target", "--resize", "--fit", "--layout", "--ignore",
    ),
    "Network": (
        "--recipe", "--model", "--initializer", "--init-from", "--replace-head", "--freeze", "--faithful", "--layer",
        "--slice", "--unit",
        "--channel", "--at", "--kernel", "--excite", "--method", "--class", "--patch", "--stride", "--map", "--only",
        "--optimizer-state", "--classes", "--filter",
    ),
    "Optimisation": (
        "--epochs", "--batch-size", "--accumulate", "--leaf", "--ema", "--swa", "--optimizer", "--learning-rate",
        "--layer-rate", "--schedule", "--loss", "--class-weights", "--patience", "--seed", "--resume", "--quick",
        "--from", "--spot", "--time-limit", "--per-parameter", "--check", "--atol", "--rtol",
    ),
    "Output": (
        "--out", "--overwrite", "--checkpoint-every", "--save-every", "--keep-every", "--log", "--log-every",
        "--watch", "--tensorboard", "--plot", "--columns", "--probabilities",
        "--format", "--precision", "--compression", "--shard-size", "--allow-partial", "--anonymous",
        "--values", "--no-stats", "--fingerprint", "--strict", "--html", "--histogram", "--runs", "--show", "--report",
        "--copy", "--hint", "--both", "--timing",
        "--json", "--quiet", "--verbose", "--version", "--install-completion", "--show-completion", "--help",
    ),
    "Machine": ("--backend", "--device", "--dtype", "--threads", "--workers", "--exact",
                "--exact-fine", "--tf32"),
}  # fmt: skip
# A name that means something else elsewhere.
_ELSEWHERE = {("inspect", "--optimizer"): "Network", ("export", "--optimizer"): "Output"}
_TITLES = {"diff": {"Optimisation": "Comparison"}, "parity": {"Optimisation": "Checks", "Network": "Checks"},
           "gradcheck": {"Optimisation": "Checks"}, "show": {"Network": "What to draw"},
           "explain": {"Network": "What to explain"}, "attend": {"Network": "How to look"},
           "inspect": {"Network": "What to inspect"}}  # fmt: skip
_WIDE = 72  # columns of a terminal that hold the frames
_GROUPS = {option: group for group, options in _OPTIONS.items() for option in options}
_VALUES = {"int": "N", "float": "NUMBER", "Path": "FILE", "str": "TEXT"}


def arrange(command: str | None, parameters: list[Any]) -> list[Any]:
    """Return the parameters of a command in the order of their groups, arguments first; flags show no value."""
    for parameter in parameters:
        if parameter.param_type_name != "option":
            parameter.display_type_rich = _show_nothing  # FILE says more than <path>
            continue
        group = find_group(command, parameter.opts)
        parameter.rich_help_panel = _TITLES.get(command or "", {}).get(group, group)
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
        elif parameter.metavar is None:
            parameter.metavar = _name_value(parameter)
    order = [*_OPTIONS, ""]
    return sorted(
        parameters,
        key=lambda p: -1 if p.param_type_name != "option" else order.index(find_group(command, p.opts)),
    )


def find_group(command: str | None, names: list[str]) -> str:
    """Return the group of an option, "" for one that belongs to none."""
    for name in names:
        group = _ELSEWHERE.get((command or "", name)) or _GROUPS.get(name)
        if group:
            return group
    return ""


def _show_nothing(ctx: Any) -> None:
    """Show no type."""


def _use_plain_help(command: Any) -> None:
    """Let a narrow terminal have help without frames, whose columns would crop the names of options."""
    if shutil.get_terminal_size().columns < _WIDE:
        command.rich_markup_mode = None


def _name_value(parameter: Any) -> str | None:
    """Return the word for the value of an option; None leaves it to the parser, which lists the choices."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    text = str(getattr(annotation, "__name__", annotation))
    return next((word for kind, word in _VALUES.items() if kind == text or f"[{kind}]" in text), None)


class GroupedCommand(TyperCommand):
    """A command whose help shows its options in groups."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, without frames in a narrow terminal."""
        _use_plain_help(self)
        super().format_help(ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters in the order of the help."""
        return arrange(self.name, super().get_params(ctx))


class GroupedGroup(TyperGroup):
    """A group of commands whose help shows the options in groups."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, without frames in a narrow terminal."""
        _use_plain_help(self)
        super().format_help(ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters in the order of the help."""
        return arrange(self.name, super().get_params(ctx))
