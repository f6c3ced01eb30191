"""Figures in files: one style, SVG, PNG or PDF by the suffix, whole or not at all, equal bytes for equal data."""

import functools
import importlib.util
import io
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnkit.errors import ConfigError
from cnnkit.files.unfinished import undo_by_signals
from cnnkit.files.writing.atomic import require_writable, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf"}

# Colours of Okabe and Ito 2008, distinguishable for every kind of colour vision; dashes and markers differ as well.
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A00")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cnnkit",  # without it the ids in the file are random
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # ships with matplotlib: the fonts of the machine do not matter
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "figure.constrained_layout.wspace": 0.06,
}
_DOCTYPE = re.compile(rb"<!DOCTYPE[^<>\[]*>")  # names a file elsewhere, which no reader needs
_WITHOUT_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def require_plottable(path: Path) -> str:
    """Return the format of the suffix of `path`; called before the work whose result is drawn.

    Raises ConfigError on another suffix, or where matplotlib is not installed, OSError where `path` cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"plot: expected a file that ends in .svg, .png or .pdf, got {str(path)!r}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError("plot: needs matplotlib, which is not installed: type pip install 'cnnkit[plot]'")
    require_writable(path)
    return kind


@contextmanager
def figure_file(path: Path, width: float, height: float) -> Iterator["Figure"]:
    """Yield an empty figure of that size in inches; when the block ends without an error, it is written to `path`.

    Raises what `require_plottable` raises.
    """
    kind = require_plottable(path)
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _note_cache()
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)  # no window, no global state
        yield figure
        drawn = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # characters that the font lacks are drawn as boxes
            figure.savefig(drawn, format=kind, dpi=150, metadata=_WITHOUT_DATE.get(kind))
        write_bytes(path, _DOCTYPE.sub(b"", drawn.getvalue(), count=1) if kind == "svg" else drawn.getvalue())


@functools.cache
def _note_cache() -> None:
    """Let signals remove the temporary folder that matplotlib makes where the user's own cannot be written."""
    from matplotlib import get_cachedir

    cache = Path(get_cachedir())
    if cache.name.startswith("matplotlib-") and cache.parent == Path(tempfile.gettempdir()):
        undo_by_signals(lambda: shutil.rmtree(cache, ignore_errors=True))
