"""Commands as a user types them: every word quoted for the shell."""

import shlex
from typing import Any


def write_command(*words: Any) -> str:
    """Return a command line that the shell reads back as these words: `cnnkit evaluate 'my net.h5'`."""
    return shlex.join(map(str, words))
