"""The figure of an architecture alone, without weights: shapes from input to output and the layers between."""

from typing import Any

from cnnkit.exporters.svg.canvas import MARGIN, WIDTH, Canvas, Sheet
from cnnkit.exporters.svg.lettering import cut, make_safe, measure
from cnnkit.exporters.svg.overview import draw_overview
from cnnkit.exporters.svg.palette import style_sheet
from cnnkit.files.names import format_count


def draw_figure(name: str, architecture: dict[str, Any], parameters: dict[str, int]) -> str:
    """Return an SVG file as text. parameters: {path of a layer: number of its parameters}."""
    canvas = Canvas()
    sheet = Sheet(canvas)
    title, total = make_safe(name), format_count(sum(parameters.values()), "parameter")
    title = cut(title, WIDTH - 2 * MARGIN, 20, bold=True)
    sheet.add(canvas.text(MARGIN, sheet.y + 18, title, "h1"), canvas.text(MARGIN, sheet.y + 42, total, "s"))
    sheet.y += 62
    right = draw_overview(sheet, architecture, parameters)
    width = max(right, MARGIN + measure(title, 20, bold=True), MARGIN + measure(total)) + MARGIN
    return canvas.page(
        title, f"{title}, {total}, drawn by cnnkit", style_sheet(), sheet.elements, (round(width), round(sheet.y + 12))
    )
