"""Sizes that users type: 500MB, 2GiB, 1048576."""

import re

from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(?:([KMGT]?)(I?)B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_MOST = 1 << 60


def parse_size(text: str, option: str) -> int:
    """Return a number of bytes, 1 or more: MB is 1,000,000, MiB 1,048,576, a number alone is bytes.

    Raises ConfigError, about `option`, for anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        number, unit, binary = match.groups()
        base = 1024 if binary else 1000
        size = int(float(number) * base ** _POWERS[(unit or "").upper()])
        if 1 <= size <= _MOST:
            return size
    raise ConfigError(f"{option} {printable(text, 40)}: expected a size of 1 byte or more, such as 500MB or 2GiB")
