"""The shape of a sample as an option gives it."""

import re

from cnnkit.errors import ConfigError


def parse_shape(text: str, option: str) -> tuple[int, ...]:
    """Return (3, 32, 32) for "3,32,32" or "3x32x32". Raises ConfigError."""
    parts = [part.strip() for part in re.split("[,x]", text)]
    if not all(re.fullmatch("[0-9]{1,18}", part) and int(part) > 0 for part in parts):  # what an axis can be long
        raise ConfigError(f"{option}: expected whole numbers such as 3,32,32, got {text!r}")
    return tuple(map(int, parts))
