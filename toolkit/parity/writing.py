"""A report as a file, whole or not at all."""

from pathlib import Path

from cnnkit.errors import ConfigError
from cnnkit.files.writing.atomic import require_writable, write_text
from cnnkit.parity import html, markdown
from cnnkit.parity.results import ParityResults

_TITLE = b"Parity of "  # how every report begins
_RENDERERS = {".md": markdown.render, ".html": html.render}


def require_place(path: Path) -> None:
    """Raise ConfigError or OSError now, rather than after minutes of work, when no report could be written there."""
    if path.suffix.lower() not in _RENDERERS:
        raise ConfigError(f"report: expected a file in .md or .html, got {str(path)!r}")
    if path.is_file() and _TITLE not in path.read_bytes()[:4096]:
        raise ConfigError(f"report: {path} is there already, and is no parity report: choose another name")
    require_writable(path)


def write(report: ParityResults, path: Path) -> None:
    """Write the report in the format of the suffix."""
    require_place(path)
    write_text(path, _RENDERERS[path.suffix.lower()](report))
