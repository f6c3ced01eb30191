"""The table of tensors: one row of figures each; below it, collapsed, its histogram, picture and values."""

from collections.abc import Iterator

from cnnkit.exporters.core.flattened_images import find_flattened_images
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.markup import escape_html
from cnnkit.files.shell import write_command
from cnnkit.inspection.inspection import Inspection
from cnnkit.inspection.linear_histogram import LinearHistogram, count_linear
from cnnkit.inspection.report import embedded, histograms, pictures
from cnnkit.inspection.statistics import Statistics

_DRAWN = 6_000_000  # values drawn in one page, the smallest tensors first
_COLUMNS = ("name", "layer", "kind", "role", "shape", "dtype")
_FIGURES = ("parameters", "min", "max", "mean", "std", "zeros", "NaN", "inf")


def render_table(inspection: Inspection) -> Iterator[str]:
    """Yield the table, then the blocks of values."""
    weights, tensors = inspection.weights, inspection.tensors
    yield '<div class="wide"><table id="tensors"><thead><tr>'
    for name in _COLUMNS:
        yield f'<th scope="col"><button type="button">{name}</button></th>'
    for name in _FIGURES:
        yield f'<th scope="col" class="num"><button type="button">{name}</button></th>'
    yield '<th scope="col">histogram</th></tr></thead><tbody>\n'
    values, drawn = embedded.choose(tensors), _choose_drawn(tensors)
    images = find_flattened_images(weights.architecture)
    blocks = []
    for number, tensor in enumerate(tensors):
        statistics = inspection.statistics[tensor.kind, tensor.name]
        linear = _count(tensor, statistics)
        yield _render_row(tensor, statistics, linear)
        panel = _explain_absence(weights, tensor)
        if id(tensor) in values:
            key = f"v{number}"
            dtype, block = embedded.embed(tensor, key)
            blocks.append(block)
            panel = _render_panel(tensor, key, dtype)
        picture = pictures.draw_maps(tensor, images.get(tensor.layer)) if id(tensor) in drawn else None
        yield _render_detail(tensor, statistics, linear, picture, panel)
    yield "</tbody></table></div>\n"
    yield from blocks


def _choose_drawn(tensors: tuple[Tensor, ...]) -> set[int]:
    selected, remaining = set[int](), _DRAWN
    for tensor in sorted(tensors, key=lambda tensor: tensor.parameters):
        if tensor.parameters <= remaining:
            remaining -= tensor.parameters
            selected.add(id(tensor))
    return selected


def _count(tensor: Tensor, computed: Statistics) -> LinearHistogram | None:
    if computed.min is None or computed.max is None:
        return None
    return count_linear(tensor, computed.min, computed.max)


def _render_row(tensor: Tensor, computed: Statistics, linear: LinearHistogram | None) -> str:
    shape = " × ".join(map(str, tensor.shape)) or "scalar"
    texts = (tensor.layer, tensor.kind, tensor.role, shape, tensor.dtype)
    cells = "".join(f"<td>{escape_html(text)}</td>" for text in texts)
    words = " ".join((tensor.name, *texts)).lower()
    keys = ("count", "min", "max", "mean", "std", "zeros", "nan", "inf")
    numbers = "".join(_render_figure(getattr(computed, key)) for key in keys)
    histogram = ""
    if linear is not None:
        histogram = histograms.draw_small_linear(linear)
    elif computed.histogram is not None:
        histogram = histograms.draw_small(computed.histogram)
    name = escape_html(tensor.name)
    return (
        f'<tr class="t" data-text="{escape_html(words)}"><td class="name" data-s="{name}" title="{name}">'
        f'<button type="button" aria-expanded="false">{name}</button></td>{cells}{numbers}<td>{histogram}</td></tr>\n'
    )


def _render_figure(value: float | None) -> str:
    if value is None:
        return '<td class="num" data-s="">-</td>'
    text = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return f'<td class="num" data-s="{value!r}">{text}</td>'


def _render_detail(
    tensor: Tensor, computed: Statistics, linear: LinearHistogram | None, picture: str | None, panel: str
) -> str:
    axes = ", ".join(tensor.axes)
    shared = f"the values of {escape_html(tensor.shares)}, counted there " if tensor.shares is not None else ""
    parts = [
        f"<p><b>{escape_html(tensor.name)}</b> ({escape_html(axes)}) {shared}"
        f'<span class="soft">sha256 <code>{computed.sha256}</code></span></p>'
    ]
    parts.append('<div class="parts">')
    if computed.histogram is not None and computed.finite:
        powers = f'<p class="soft">values by sign and power of two</p>{histograms.draw_powers(computed.histogram)}'
        if linear is not None:
            heading = f'<p class="soft">how many of the {computed.finite:,} finite values lie where</p>'
            details = f"<details><summary>on a logarithmic scale</summary>{powers}</details>"
            powers = heading + histograms.draw_linear(linear) + details
        parts.append(f'<div class="part">{powers}</div>')
    if picture is not None:
        parts.append(f'<div class="part">{picture}</div>')
    parts.append(f"{panel}</div>")
    span = len(_COLUMNS) + len(_FIGURES) + 1
    return f'<tr class="d" hidden><td colspan="{span}">{"".join(parts)}</td></tr>\n'


def _render_panel(tensor: Tensor, key: str, dtype: str) -> str:
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


def _explain_absence(weights: WeightFile, tensor: Tensor) -> str:
    """Return why the values are not in the page, and the command that prints them."""
    if not tensor.parameters:
        return '<p class="part soft">no values</p>'
    command = write_command("cnnkit", "inspect", weights.file or "FILE", "--layer", tensor.name, "--values")
    return (
        f'<p class="part soft">{tensor.parameters:,} values, not in this page: <code>{escape_html(command)}</code></p>'
    )
