"""The place for a picture that a command writes, checked before any work."""

import os
from pathlib import Path

from cnnkit.errors import ConfigError
from cnnkit.files.writing.atomic import require_writable


def require_place(out: Path | None, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Raise ConfigError when OUT has none of these suffixes, or exists and may not be replaced.

    Raises OSError when it cannot be written.
    """
    if out is None:
        return
    if out.suffix.lower() not in suffixes:
        raise ConfigError(f"{out}: expected a name that ends with {' or '.join(suffixes)}")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out}: already exists: choose another name or --overwrite")
    require_writable(out)


def require_other(out: Path | None, source: Path) -> None:
    """Raise ConfigError when OUT is the file that the command reads, by that name or through a link."""
    if out is not None and out.exists() and source.exists() and os.path.samefile(out, source):
        raise ConfigError(f"{out}: is FILE itself: name another place")
