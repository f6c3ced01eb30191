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


def require_other(out: Path | None, file: Path | None = None, **options: str | Path | None) -> None:
    """Raise ConfigError when OUT is FILE or the file of an option that the command reads, by any name or link."""
    sources = {"FILE": file} | {f"--{name.replace('_', '-')}": source for name, source in options.items()}
    for name, source in sources.items():
        if out is not None and source is not None and _are_same(out, source):
            raise ConfigError(f"{out}: is {name} itself, which this command reads: name another place")


def _are_same(one: Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one is not there, or no name of a file
        return False
