"""`cnnkit formats`: which weight files can be read and written."""

from cnnkit.cli.request import Request
from cnnkit.cli.tables import print_table

EXAMPLE = "cnnkit formats"


def command(request: Request) -> int:
    """List the formats of weight files: read, written, or both; and registered ones that do not work."""
    from cnnkit import exporters

    output = request.output
    working, broken = exporters.formats(), exporters.broken()
    rows = [
        (name, _say_yes(form.reads), _say_yes(form.writes), " ".join(form.suffixes), form.description)
        for name, form in working.items()
    ]
    rows += [(fault.name, "no", "no", "", f"does not work: {fault.reason} ({fault.target})") for fault in broken]
    print_table(output, ("format", "read", "written", "suffixes", "what"), rows, "   w")
    output.result({
        "formats": [
            {
                "name": name,
                "reads": form.reads,
                "writes": form.writes,
                "suffixes": list(form.suffixes),
                "description": form.description,
                "options": dict(form.options),
            }
            for name, form in working.items()
        ],
        "broken": [vars(fault).copy() for fault in broken],
    })  # fmt: skip
    return 0


def _say_yes(value: bool) -> str:
    return "yes" if value else "no"
