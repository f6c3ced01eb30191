"""What a reader left out, as lines for people: many with one reason take one line."""

from collections.abc import Iterable
from itertools import groupby

from cnnkit.exporters.core.weight_file import NotRead
from cnnkit.files.names import printable

_SINGLE = 3  # with one reason that have a line each


def list_lines(items: Iterable[NotRead]) -> list[str]:
    """Return one line for each, or for all that follow each other with one reason: their number and the first two."""
    lines = []
    for reason, group in groupby(items, key=lambda item: item.reason):
        same = list(group)
        if len(same) <= _SINGLE:
            lines += [item.line for item in same]
        else:
            names = f"{printable(same[0].what, 40)}, {printable(same[1].what, 40)}, ..."
            lines.append(printable(f"{sum(item.count for item in same)}, {names}: {reason}"))
    return lines
