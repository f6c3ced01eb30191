"""`cnnkit backends`: the backends that this machine can use."""

from dataclasses import asdict

from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_table
from cnnkit.documents import TableEntry

EXAMPLE = "cnnkit backends"


def command(request: Request) -> int:
    """List the backends: which are usable here, why the others are not, and how to install them."""
    from cnnkit.backends import available_backends

    output = request.output
    backends = available_backends()
    rows = [
        (
            name,
            TableEntry("yes", style="green") if state.usable else TableEntry("no", style="red"),
            ", ".join(state.devices) if state.usable else "-",
            " ".join(state.reason.split()) if not state.usable else "",
            "" if state.usable else state.install,
        )
        for name, state in backends.items()
    ]
    print_table(output, ("backend", "usable", "devices", "why not", "install with"), rows, "  www")
    output.result({"backends": [{"name": name} | asdict(state) for name, state in backends.items()]})
    return 0
