"""What a message says to type, for programs that read the error as JSON."""

import re

_TYPED = re.compile(r"`[^`]+`|(?<![\w-])--[a-z]|\bcnnkit [a-z]|\bpip install |\bdid you mean |\bcall cnnkit")
_ORDER = re.compile(r"(type|name|leave|choose|try|see|use|look|write|make|add|give|set|save|install) ")
_ASIDE = re.compile(r"\((did you mean [^()]+|see [^()]+)\)")


def find_hint(message: str) -> str | None:
    """Return the part of a message that says what to type, None where it says nothing.

    Messages have the form "where: what is wrong: what to type". The hint begins with the first part behind a colon
    that contains something to type, or is the last part if that is an order; "(did you mean ...?)" is one too.
    """
    aside = _ASIDE.search(message)
    if aside:
        return aside[1]
    _, *parts = message.split(": ")
    for number, part in enumerate(parts):
        if _TYPED.search(part) and not part.startswith(("expected", "got")):
            return ": ".join(parts[number:])
    return parts[-1] if parts and _ORDER.match(parts[-1]) else None
