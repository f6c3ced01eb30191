"""Commands as a user types them: every word quoted for the shell."""

import os
import re
import shlex
from pathlib import PurePath
from typing import Any

from cnnkit.files.names import escape_hidden

_SPECIAL = re.compile(rb"[^ -~]|[\\']")  # what stands in $'...' by its number


def write_command(*words: Any) -> str:
    """Return a command line that the shell reads back as these words: `cnnkit evaluate 'my net.h5'`.

    Words with characters that a terminal may interpret or hide are written as $'...' (bash, zsh, ksh), byte by byte.
    A path that begins with a hyphen is written as ./-path, since an option begins so.
    """
    return " ".join(map(_quote, words))


def _quote(word: Any) -> str:
    text = str(word)
    if isinstance(word, PurePath) and text.startswith("-"):
        text = f"./{text}"
    if escape_hidden(text) != text:
        quoted = _SPECIAL.sub(lambda match: b"\\x%02x" % match[0][0], os.fsencode(_without_lone(text)))
        return f"$'{quoted.decode()}'"
    quoted_text = shlex.quote(text)
    return f"'{text}'" if quoted_text == text and text.startswith("=") else quoted_text  # zsh: =ls is a path


def _without_lone(text: str) -> str:
    """Return text with "?" for surrogates that stand for no byte, which no file name has."""
    return "".join("?" if 0xD800 <= ord(c) < 0xDC80 or 0xDD00 <= ord(c) < 0xE000 else c for c in text)
