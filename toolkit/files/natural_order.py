"""Natural order of names: layer2 before layer10."""

import re

_PARTS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key to sort names by: runs of digits compare as numbers, and come before letters."""
    return tuple(_part_key(part) for part in _PARTS.split(name) if part)


def _part_key(part: str) -> tuple[int, int, str]:
    if part[0] in "0123456789":
        digits = part.lstrip("0")  # by length, then as text: int() has a limit on digits
        return 0, len(digits), digits
    return 1, 0, part
