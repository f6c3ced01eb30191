"""`cnnkit backends`: what can compute here."""

from dataclasses import asdict

from rich.text import Text

from cnnkit.cli.options import Json, Quiet, Verbose
from cnnkit.cli.output import Output
from cnnkit.cli.tables import print_table

EXAMPLE = "cnnkit backends"


def command(
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,  # noqa: ARG001 (its callback answers)
) -> int:
    """List the backends: which are usable here, why the others are not, and what would install them."""
    from cnnkit.backends import available_backends

    output = Output(json, quiet)
    found = available_backends()
    rows = [
        (
            name,
            Text("yes", style="green") if state.usable else Text("no", style="red"),
            ", ".join(state.devices) if state.usable else "-",
            " ".join(state.reason.split()) if not state.usable else "",
            "" if state.usable else state.install,
        )
        for name, state in found.items()
    ]
    print_table(output, ("backend", "usable", "devices", "why not", "install with"), rows, "   w")
    output.result({"backends": [{"name": name} | asdict(state) for name, state in found.items()]})
    return 0
