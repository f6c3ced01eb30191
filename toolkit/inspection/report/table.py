"""The table of tensors: a row of figures each, and below it, folded, its histogram, its picture, its values."""

from collections.abc import Iterator, Mapping
from html import escape

from cnnkit.exporters.core.architecture import find_flattened_images
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.names import printable
from cnnkit.inspection.report import embedded, pictures
from cnnkit.inspection.statistics import Statistics

_DRAWN = 6_000_000  # values that are drawn in one page, smallest tensors first
_COLUMNS = ("name", "layer", "kind", "role", "shape", "dtype")
_FIGURES = ("parameters", "min", "max", "mean", "std", "zeros", "NaN", "inf")


def safe(text: str) -> str:
    """Return text of a stranger as it may stand in the page."""
    return escape(printable(text))


def table(weights: WeightFile, shown: tuple[Tensor, ...], found: Mapping[tuple[str, str], Statistics]) -> Iterator[str]:
    """Yield the table, then the blocks of values."""
    yield '<div class="wide"><table id="tensors"><thead><tr>'
    for name in _COLUMNS:
        yield f'<th scope="col"><button type="button">{name}</button></th>'
    for name in _FIGURES:
        yield f'<th scope="col" class="num"><button type="button">{name}</button></th>'
    yield '<th scope="col">histogram</th></tr></thead><tbody>\n'
    values, drawn = embedded.chosen(shown), _drawn(shown)
    images = find_flattened_images(weights.architecture)
    blocks = []
    for number, tensor in enumerate(shown):
        statistics = found[tensor.kind, tensor.name]
        yield _row(tensor, statistics)
        panel = _left_out(weights, tensor)
        if id(tensor) in values:
            key = f"v{number}"
            dtype, block = embedded.block(tensor, key)
            blocks.append(block)
            panel = _panel(tensor, key, dtype)
        picture = pictures.picture(tensor, images.get(tensor.layer)) if id(tensor) in drawn else None
        yield _detail(tensor, statistics, picture, panel)
    yield "</tbody></table></div>\n"
    yield from blocks


def _drawn(tensors: tuple[Tensor, ...]) -> set[int]:
    found, left = set[int](), _DRAWN
    for tensor in sorted(tensors, key=lambda tensor: tensor.parameters):
        if tensor.parameters <= left:
            left -= tensor.parameters
            found.add(id(tensor))
    return found


def _row(tensor: Tensor, found: Statistics) -> str:
    shape = " × ".join(map(str, tensor.shape)) or "scalar"
    texts = (tensor.layer, tensor.kind, tensor.role, shape, tensor.dtype)
    cells = "".join(f"<td>{safe(text)}</td>" for text in texts)
    words = " ".join((tensor.name, *texts)).lower()
    figures = (found.count, found.min, found.max, found.mean, found.std, found.zeros, found.nan, found.inf)
    numbers = "".join(_figure(value) for value in figures)
    histogram = pictures.small(found.histogram) if found.histogram is not None else ""
    name = safe(tensor.name)
    return (
        f'<tr class="t" data-text="{safe(words)}"><td class="name" data-s="{name}" title="{name}">'
        f'<button type="button" aria-expanded="false">{name}</button></td>{cells}{numbers}<td>{histogram}</td></tr>\n'
    )


def _figure(value: float | None) -> str:
    if value is None:
        return '<td class="num" data-s="">-</td>'
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return f'<td class="num" data-s="{value!r}">{text}</td>'


def _detail(tensor: Tensor, found: Statistics, picture: str | None, panel: str) -> str:
    axes = ", ".join(tensor.axes)
    parts = [
        f'<p><b>{safe(tensor.name)}</b> ({safe(axes)}) <span class="soft">sha256 <code>{found.sha256}</code></span></p>'
    ]
    parts.append('<div class="parts">')
    if found.histogram is not None and found.finite:
        parts.append(
            '<div class="part"><p class="soft">values by sign and power of two</p>'
            f"{pictures.large(found.histogram)}</div>"
        )
    if picture is not None:
        parts.append(f'<div class="part">{picture}</div>')
    parts.append(f"{panel}</div>")
    span = len(_COLUMNS) + len(_FIGURES) + 1
    return f'<tr class="d" hidden><td colspan="{span}">{"".join(parts)}</td></tr>\n'


def _panel(tensor: Tensor, key: str, dtype: str) -> str:
    shape = ",".join(map(str, tensor.shape))
    orders = (
        ("index", "in order"),
        ("up", "smallest first"),
        ("down", "largest first"),
        ("size", "largest magnitude first"),
    )
    options = "".join(f'<option value="{value}">{text}</option>' for value, text in orders)
    return (
        f'<div class="part values" data-block="{key}" data-dtype="{dtype}" data-shape="{shape}"><div class="bar-line">'
        f"<b>{tensor.parameters:,} values</b><label>order <select>{options}</select></label>"
        f'<label>go to index <input size="12" placeholder="0,0" inputmode="numeric"></label></div>'
        f'<div class="list" tabindex="0"><div class="room"></div><pre></pre></div></div>'
    )


def _left_out(weights: WeightFile, tensor: Tensor) -> str:
    """Say why the values are not in the page, and how to see them."""
    if not tensor.parameters:
        return '<p class="part soft">no values</p>'
    command = f"cnnkit inspect {weights.file or 'FILE'} --layer '{tensor.name}' --values"
    return f'<p class="part soft">{tensor.parameters:,} values, not in this page: <code>{safe(command)}</code></p>'
