"""The commands by name; the file of each is imported when it is called, so `cnnkit --help` imports none."""

from importlib import import_module
from typing import Any

import typer

from cnnkit.cli.help_groups import GroupedCommand, GroupedGroup
from cnnkit.cli.preparation import prepare_command
from cnnkit.cli.request import take_options

# As the help shows them: the first paragraph of the command's docstring, or of a group's help.
SUMMARIES = {
    "train": "Train a network and write weights.h5: architecture, every weight, history and provenance.",
    "evaluate": "Evaluate a network on images: loss, accuracy, confusions, precision, recall, F1, ROC-AUC, time per "
    "image.",
    "predict": "Predict the class of an image, with scores, and draw the image; by default the first test image.",
    "explain": "Show how one value of a layer comes about for a picture: window times kernel, sum, bias, activation.",
    "attend": "Show what of a picture a network's decision rests on: Grad-CAM, saliency or occlusion, as a heat map.",
    "filter": "Run a kernel over a picture, each channel by itself, as a convolution with stride 1; the border is "
    "repeated.",
    "export": "Write a weight file in another format; every tensor is read back and compared before OUT exists.",
    "adopt": "Make a network of cnnkit's layers of a stranger's file, say what each node became, and compare the two.",
    "inspect": "Show the layers and tensors of a weight file: their values, and the faults in them.",
    "show": "Draw the weights of one layer: one map per channel, orange below zero, blue above, one scale per tensor.",
    "diff": "Compare two weight files; exit with 0 when they are equal, 1 when not or when one could be read "
    "in part alone.",
    "verify": "Replay the training of a weight file; exit with 0 when all bits are the same, 1 when not, 2 when it "
    "cannot be.",
    "summary": "Show layers, output shapes, parameters, receptive field, multiply-adds and memory of a network.",
    "parity": "Compare backends with the float64 reference and each other: operations, layers, losses, optimizers, "
    "trainings.",
    "gradcheck": "Compare a network's gradients with differences of its loss, in float64; exit status 1 when they do "
    "not agree.",
    "backends": "List the backends: which are usable here, why the others are not, and how to install them.",
    "recipes": "List the recipes: networks and their training options, by the name for --recipe.",
    "formats": "List the formats of weight files: read, written, or both; and registered ones that do not work.",
    "data": "List data sets, fetch one, show an image.",
    "exercise": "Functions of a network to write yourself: list them, start one, check it; a mistake is named.",
}
GROUPS = {"data", "exercise"}  # of commands


class Commands(GroupedGroup):
    """The group of all commands; a command is imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        names: Any = dict.fromkeys(SUMMARIES)
        self.commands = names  # where typer looks for "Did you mean"

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the help."""
        return list(SUMMARIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return a command as the help shows it."""
        return build_stub(cmd_name) if cmd_name in SUMMARIES else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return (name, the command to call, its arguments)."""
        if args and args[0] in SUMMARIES:
            prepare_command(args[0], args[1:])
            return args[0], load_command(args[0]), args[1:]
        return super().resolve_command(ctx, args)  # which explains the mistake


def build_stub(name: str) -> Any:
    """Return a command for the help: name and summary, no effect."""
    app = typer.Typer(add_completion=False)
    app.command(name, help=SUMMARIES[name])(lambda: None)
    return typer.main.get_command(app)


def load_command(name: str) -> Any:
    """Import the file of a command and return it."""
    module = import_module(f"cnnkit.cli.{name}")
    if name in GROUPS:
        return typer.main.get_command(module.app)
    app = typer.Typer(add_completion=False)
    app.command(name, cls=GroupedCommand, epilog=f"Example: {module.EXAMPLE}")(take_options(module.command))
    return typer.main.get_command(app)
