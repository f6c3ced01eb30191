"""The maps of tensors as an SVG file: one cell per value, exact values on hover; no scripts, light and dark."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.palette import css_class, style_sheet
from cnnkit.exporters.svg.scale import NAN, STEPS, ColourScale
from cnnkit.files.markup import escape_whole
from cnnkit.files.names import printable
from cnnkit.inspection.mosaic import draw_mosaic, encode_uri
from cnnkit.inspection.unit_maps import UnitMaps

MOST_CELLS = 20_000
_MARGIN, _WIDE, _LINE = 24, 1100, 18
_NUMBERS = 76  # px at the left of an image, for the numbers of its rows
_BAR = 3  # px of a colour in the bar
_NEITHER = {NAN: "#b700b7"}


class Section(NamedTuple):
    """A tensor to draw: its maps, the numbers of the drawn units and channels, a caption per unit."""

    tensor: Tensor
    maps: UnitMaps
    scale: ColourScale
    units: list[int]
    channels: list[int]
    captions: list[str]


def draw(title: str, sections: list[Section]) -> str:
    """Return the text of an SVG file with a heading and the maps of each section."""
    body, y = [f'<text class="h1" x="{_MARGIN}" y="40">{escape_whole(title)}</text>'], 56.0
    for section in sections:
        heading = (
            f"{printable(section.tensor.name)}: {' x '.join(map(str, section.tensor.shape))}, {section.tensor.dtype}"
        )
        body.append(f'<text class="h2" x="{_MARGIN}" y="{y + 14:g}">{escape_whole(heading)}</text>')
        meaning = escape_whole(describe_scale(section.scale))
        body.append(f'<text class="s" x="{_MARGIN}" y="{y + 32:g}">{meaning}</text>')
        body += _draw_colour_bar(section.scale, y + 42)
        draw_section = _draw_image if section.maps.values.size > MOST_CELLS else _draw_cells
        parts, y = draw_section(section, y + 70)
        body += parts
        y += 16
    height = round(y + _MARGIN)
    width = _WIDE + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape_whole(title)}</title>\n<style>{style_sheet()}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def describe_scale(scale: ColourScale) -> str:
    """Return the meaning of the colours in one line."""
    text = f"orange -{scale.limit:.4g}, 0 white, blue +{scale.limit:.4g}"
    if scale.clipped:
        text += f"; {scale.beyond:,} values lie beyond: {scale.low:.4g} to {scale.high:.4g}"
    odd = scale.nans + scale.infinities
    return text + (f"; {odd:,} not finite" if odd else "")


def _draw_colour_bar(scale: ColourScale, y: float) -> Iterator[str]:
    """Yield the colours of the scale with the values at its ends and in its middle."""
    for k in range(2 * STEPS + 1):
        yield f'<rect class="{css_class(k - STEPS)}" x="{_MARGIN + _BAR * k}" y="{y:g}" width="{_BAR}" height="8"/>'
    for k, text in ((0, f"-{scale.limit:.4g}"), (STEPS, "0"), (2 * STEPS, f"+{scale.limit:.4g}")):
        x = _MARGIN + _BAR * (k + 0.5)
        anchor = "" if not k else ' style="text-anchor:middle"' if k == STEPS else ' style="text-anchor:end"'
        yield f'<text class="s" x="{x:g}" y="{y + 21:g}"{anchor}>{text}</text>'


def _draw_image(section: Section, y: float) -> tuple[list[str], float]:
    """Return a section as a picture of one pixel per value, for more than MOST_CELLS values, and the next y."""
    mosaic = draw_mosaic(section.maps, section.scale)
    rows, columns = mosaic.pixels.shape
    factor = max(min((_WIDE - _NUMBERS) / columns, 8), 0.1)
    x, top = _MARGIN + _NUMBERS, y + 16
    size = f'width="{columns * factor:g}" height="{rows * factor:g}"'
    note = f"{section.maps.values.size:,} values, one pixel each: --unit N draws one with its values"
    labels = [
        f'<text class="s r" x="{x - 6}" y="{top + row * factor + 11:g}">{text}</text>'
        for row, text in mosaic.label_rows(section.units, 14 / factor)
    ]
    return [
        f'<text class="s" x="{x}" y="{y + 8:g}">{escape_whole(note)}</text>',
        f'<text class="s r" x="{x - 6}" y="{y + 8:g}">{section.maps.word}</text>'
        if section.maps.axis is not None
        else "",
        *(labels if section.maps.axis is not None else ()),
        f'<rect class="z" x="{x}" y="{top:g}" {size}/>',
        f'<image class="i" x="{x}" y="{top:g}" {size} preserveAspectRatio="none" href="{encode_uri(mosaic.pixels)}"/>',
    ], top + rows * factor


def _draw_cells(section: Section, y: float) -> tuple[list[str], float]:
    values = section.maps.values
    units, channels, height, width = values.shape
    size = max(min(28.0, _WIDE / max(width, 1), 9000 / max(values.size, 1) + 6), 3.0)
    across = max(min(channels, int((_WIDE + 8) // (width * size + 8))), 1)
    tile = across * (width * size + 8) - 8
    pitch = max(tile, *(7.2 * len(caption) for caption in section.captions)) + 20  # 12 px text is rarely wider
    per_row = max(int((_WIDE + 20) // pitch), 1)
    down = -(-channels // across) * (height * size + 8) + _LINE
    levels = section.scale.levels(values)
    body: list[str] = []
    for place in range(units):
        left = _MARGIN + (place % per_row) * pitch
        top = y + (place // per_row) * (down + 8)
        body.append(f'<text x="{left:g}" y="{top + 12:g}">{escape_whole(section.captions[place])}</text>')
        for channel in range(channels):
            row, column = divmod(channel, across)
            corner = left + column * (width * size + 8), top + _LINE + row * (height * size + 8)
            body.append("<g>" + "".join(_draw_map(section, levels, (place, channel), corner, size)) + "</g>")
    return body, y + -(-units // per_row) * (down + 8)


def _draw_map(
    section: Section, levels: np.ndarray[tuple[int, ...], np.dtype[np.int8]], at: tuple[int, int],
    corner: tuple[float, float], size: float,
) -> Iterator[str]:  # fmt: skip
    unit, channel = section.units[at[0]], section.channels[at[1]]
    for (i, j), level in np.ndenumerate(levels[at]):
        value = section.maps.values[at][i, j]
        colour = (
            f'class="{css_class(int(level))}"' if abs(level) <= STEPS else f'fill="{_NEITHER.get(int(level), "#000")}"'
        )
        title = f"[{unit}, {channel}, {i}, {j}] = {_format_number(section.tensor, value)}"
        yield (
            f'<rect {colour} x="{corner[0] + j * size:g}" y="{corner[1] + i * size:g}" '
            f'width="{size:g}" height="{size:g}"><title>{title}</title></rect>'
        )


def _format_number(tensor: Tensor, value: float) -> str:
    """Return the shortest digits that identify the value in the tensor's type."""
    return str(np.float32(value)) if tensor.dtype == "float32" else repr(float(value))
