"""An explanation as an SVG picture: what is seen of the picture, windows, weights and products as tiles, the steps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnkit.explanation.explain import Explanation
from cnnkit.explanation.text import choose_windows, describe_seen, describe_window
from cnnkit.explanation.worked import Floats, Window
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.canvas import MARGIN, WIDTH, Canvas, Cells, Element, Sheet
from cnnkit.exporters.svg.lettering import CellNumbers, cut
from cnnkit.exporters.svg.palette import style_sheet
from cnnkit.exporters.svg.scale import ColourScale, ScaledTensor, scale_of
from cnnkit.exporters.svg.tiles import draw_tile
from cnnkit.files.names import printable
from cnnkit.files.png import photo_uri

_SHOWN = 8  # windows
_NUMBERED, _WIDE, _SIDE = 40, 340, 260  # px of a cell with a number, of a tile, of a picture
_BETWEEN, _SUM = 32, 130  # px between tiles, and for the sum behind them
_TALLEST = 9  # rows of cells with numbers
_STYLE = ".seen{fill:none;stroke:#e0004d;stroke-width:2}"
_Side = tuple[int, int]
Pixels = NDArray[np.uint8]


def draw_explanation(explanation: Explanation, title: str) -> str:
    """Return the text of an SVG file. title: the file and the picture in words."""
    sheet, worked = Sheet(Canvas()), explanation.worked
    _write(sheet, explanation.title, "h1", 30)
    for line in (title, worked.formula):
        _write(sheet, line, "s", 18)
    sheet.y += 10
    shown = choose_windows(worked.windows, _SHOWN)
    _draw_pictures(sheet, explanation, shown)
    _draw_windows(sheet, shown)
    if len(worked.windows) > len(shown):
        _write(sheet, f"and {len(worked.windows) - len(shown)} more channels, whose sums are smaller", "s", 24)
    _draw_steps(sheet, explanation)
    size = (WIDTH, round(sheet.y + 16))
    return sheet.canvas.page(
        explanation.title, f"{title}: how one value of a layer is computed", f"{style_sheet()}\n{_STYLE}",
        sheet.elements, size,
    )  # fmt: skip


def to_photo(picture: Floats) -> Pixels:
    """Return a network's input (C, H, W) as pixels (H, W, 3): its smallest value black, its largest white."""
    low, high = float(np.nanmin(picture)), float(np.nanmax(picture))
    shares = np.nan_to_num((picture - low) / ((high - low) or 1.0))
    colours = shares if len(picture) == 3 else np.repeat(shares.mean(axis=0, keepdims=True), 3, axis=0)
    pixels: Pixels = np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
    return pixels.transpose(1, 2, 0)


def _write(sheet: Sheet, words: str, name: str, height: int) -> None:
    sheet.add(sheet.canvas.text(MARGIN, sheet.y + 12, cut(printable(words, 400), WIDTH - 2 * MARGIN, 20), name))
    sheet.y += height


def _draw_pictures(sheet: Sheet, explanation: Explanation, shown: Sequence[Window]) -> None:
    """Put the picture on the page with what is seen of it, and the channel under the first window."""
    canvas, left, tallest = sheet.canvas, float(MARGIN), 0.0
    picture, x = explanation.picture, explanation.xs[0]
    if picture.ndim == 3 and np.isfinite(picture).any():
        seen = describe_seen(explanation)
        sheet.add(canvas.text(left, sheet.y + 12, f"the picture; seen: {seen}" if seen else "the picture", "s"))
        wide, tall = _fit(picture.shape[1], picture.shape[2])
        at = (left, sheet.y + 22)
        sheet.add(canvas.image(*at, wide, tall, photo_uri(to_photo(picture)), "the network's input", "photo"))
        if explanation.seen is not None:
            sheet.add(_draw_box(canvas, at, (wide, tall), picture.shape[1:], explanation.seen))
        left, tallest = left + max(wide, 420) + 40, tall
    first = next((window for window in shown if window.channel is not None and len(window.start) == 2), None)
    if first is not None and x.ndim == 3 and first.channel is not None:
        values = _scale(f"channel {first.channel}", x[first.channel])
        columns = x.shape[2]
        wide, tall = _fit(x.shape[1], columns)
        cells, at = Cells(columns, wide / columns, tall / x.shape[1]), (left, sheet.y + 22)
        sheet.add(canvas.text(left, sheet.y + 12, f"the layer's input, {describe_window(first)}", "s"))
        sheet.add(draw_tile(canvas, values, 0, values.flat.size, at, cells))
        spans = zip(first.start, first.values.shape, first.step, strict=True)
        box = [(start, start + (count - 1) * step + 1) for start, count, step in spans]
        sheet.add(_draw_box(canvas, at, (wide, tall), x.shape[1:], box))
        tallest = max(tallest, tall)
    sheet.y += tallest + 46 if tallest else 0


def _fit(rows: int, columns: int) -> tuple[float, float]:
    """Return (width, height) in px of a picture of that many pixels."""
    factor = _SIDE / max(rows, columns)
    return columns * factor, rows * factor


def _draw_box(
    canvas: Canvas, at: tuple[float, float], size: tuple[float, float], pixels: Sequence[int], seen: Sequence[_Side]
) -> Element:
    rows, columns = ((max(a, 0), min(b, n)) for (a, b), n in zip(seen, pixels, strict=True))
    w, h = size[0] / pixels[1], size[1] / pixels[0]
    box = (at[0] + columns[0] * w, at[1] + rows[0] * h, max(columns[1] - columns[0], 0) * w)
    return canvas.rect(*box, max(rows[1] - rows[0], 0) * h, "seen")


def _scale(name: str, values: Floats) -> ScaledTensor:
    return ScaledTensor(Tensor.of(name, np.ascontiguousarray(values), kind="other"), titled=values.size <= 20_000)


def _draw_windows(sheet: Sheet, shown: Sequence[Window]) -> None:
    """Put tiles on the page for each window: x, weight, products, and their sum; one scale for each of the three."""
    multiplied = any(window.weights is not None for window in shown)
    columns = ("x", "weight", "product") if multiplied else ("x",)
    parts = [_split(window) for window in shown]
    scales = [
        scale_of(np.concatenate([part[k].ravel() for part in parts])) for k in range(len(columns) if parts else 0)
    ]
    left, lowest = float(MARGIN), sheet.y
    for window, arrays in zip(shown, parts, strict=True):
        cells = _plan_cells(*arrays[0].shape)
        wide = len(columns) * (arrays[0].shape[1] * cells.w + _BETWEEN) + _SUM
        if left > MARGIN and left + wide > WIDTH:
            left, sheet.y = float(MARGIN), lowest
        _draw_window(
            sheet, window, [_scale_as(*column) for column in zip(columns, arrays, scales, strict=True)], cells, left
        )
        left, lowest = left + wide, max(lowest, sheet.y + arrays[0].shape[0] * cells.h + 60)
    sheet.y = lowest


def _plan_cells(rows: int, across: int) -> Cells:
    side = _NUMBERED if across * _NUMBERED <= _WIDE and rows <= _TALLEST else min(max(_WIDE / across, 1.0), _NUMBERED)
    return Cells(across, side, side if rows > 1 else max(side, 16))


def _draw_window(sheet: Sheet, window: Window, tiles: Sequence[ScaledTensor], cells: Cells, x: float) -> None:
    """Put one window on the page, at x px."""
    canvas, rows, sum_word = sheet.canvas, -(-window.values.size // cells.columns), f"sum {window.total:.9g}"
    middle = sheet.y + 44 + rows * cells.h / 2
    sheet.add(canvas.text(x, sheet.y + 12, describe_window(window), "b"))
    for k, values in enumerate(tiles):
        numbers = CellNumbers(values.scale.largest) if cells.w >= _NUMBERED else None
        note = numbers.note() if numbers is not None else ""
        sheet.add(canvas.text(x, sheet.y + 32, f"{values.name} {note}".strip(), "s"))
        sheet.add(draw_tile(canvas, values, 0, values.flat.size, (x, sheet.y + 40), cells, numbers))
        x += cells.columns * cells.w + _BETWEEN
        if k + 1 < len(tiles):
            sheet.add(canvas.text(x - _BETWEEN / 2, middle, "=" if k else "×", "m"))
    if window.weights is not None:
        sheet.add(canvas.text(x - _BETWEEN / 2, middle, sum_word, "b"))


def _scale_as(name: str, array: Floats, scale: ColourScale) -> ScaledTensor:
    """Return values on the scale of all windows."""
    values = _scale(name, array)
    values.borrow_scale(scale)
    return values


def _split(window: Window) -> list[Floats]:
    """Return x, weight and products of a window as grids."""
    arrays = [window.values] if window.weights is None else [window.values, window.weights, window.products]
    return [array.reshape(-1, array.shape[-1]) for array in arrays]


def _draw_steps(sheet: Sheet, explanation: Explanation) -> None:
    """Put the steps, the result, the network's own value and what follows on the page."""
    rows = [(step.text, f"{step.value:.9g}", "") for step in explanation.worked.steps]
    rows.append(("result", f"{explanation.computed:.9g}", "b"))
    bound = f"rounding may make a difference of {explanation.bound:.1e}"
    rows.append(("the network's own value", f"{explanation.own:.9g} ({bound})", ""))
    if explanation.following is not None:
        after = explanation.following
        rows.append((f"layer {printable(after.path, 60)} ({after.type}) makes of it", f"{after.value:.9g}", ""))
    for text, value, name in rows:
        sheet.add(sheet.canvas.text(MARGIN, sheet.y + 12, cut(text, 330), name or "s"))
        sheet.add(sheet.canvas.text(MARGIN + 340, sheet.y + 12, value, name or None))
        sheet.y += 20
