"""Histograms as inline SVG, and a tensor's maps as an image."""

import math

import numpy as np

from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.svg.scale import scale_of
from cnnkit.inspection.histogram import SIDE, Histogram
from cnnkit.inspection.layer_svg import describe_scale
from cnnkit.inspection.mosaic import GAP, draw_mosaic, encode_uri
from cnnkit.inspection.unit_maps import read_unit_maps

_DETAIL = 16  # powers of two on each side of the large histogram
_WIDE, _TALL, _BAR = 560, 120, 16
_PICTURE = 640  # pixels wide, about
_STRIP = 64  # a longer row of numbers is folded


def draw_small(histogram: Histogram) -> str:
    """Return a histogram for a row of the table."""
    bars = histogram.bars()
    most = max(bars) or 1
    drawn = "".join(
        f'<rect class="{_css_class(k, SIDE)}" x="{6 * k}" y="{24 - height:g}" width="5" height="{height:g}"/>'
        for k, count in enumerate(bars)
        if (height := round(max(24 * count / most, 1.5 if count else 0), 1))
    )
    return f'<svg width="102" height="24" viewBox="0 0 102 24" aria-hidden="true">{drawn}</svg>'


def draw_large(histogram: Histogram) -> str:
    """Return a histogram with a scale; each bar shows its range and count on hover."""
    bars, top = histogram.bars(_DETAIL), histogram.top
    most = max(bars) or 1
    parts = []
    for k, count in enumerate(bars):
        height = round(max(_TALL * count / most, 1 if count else 0), 1)
        title = f"<title>{_describe_range(k, top)}: {count:,}</title>"
        shape = f'x="{17 * k}" y="{_TALL - height:g}" width="{_BAR}" height="{height:g}"'
        parts.append(f'<rect class="{_css_class(k, _DETAIL)}" {shape}>{title}</rect>')
    if top is not None:
        end = f"{math.ldexp(1.0, top + 1):g}" if abs(top) < 30 else f"2^{top + 1}"
        ends = ((0, "start", f"-{end}"), (_WIDE / 2, "middle", "small, 0"), (_WIDE, "end", end))
        parts += [f'<text x="{x:g}" y="{_TALL + 15}" text-anchor="{side}">{text}</text>' for x, side, text in ends]
    return (
        f'<svg width="{_WIDE}" height="{_TALL + 20}" viewBox="0 0 {_WIDE} {_TALL + 20}" role="img" '
        f'aria-label="histogram by sign and power of two">{"".join(parts)}</svg>'
    )


def _css_class(place: int, side: int) -> str:
    return "n" if place < side else "z" if place == side else "p"


def _describe_range(place: int, top: int | None) -> str:
    if top is None or place == _DETAIL:
        return "zero, or smaller in magnitude than the bars beside"
    if place < _DETAIL:
        return f"-2^{top - place + 1} to -2^{top - place}"
    power = top - (2 * _DETAIL - place)
    return f"2^{power} to 2^{power + 1}"


def draw_maps(tensor: Tensor, image: tuple[int, ...] | None) -> str | None:
    """Return a tensor's maps as an <img> with the meaning of its colours; None for a tensor that cannot be drawn."""
    maps = read_unit_maps(tensor, image)
    if maps is None:
        return None
    scale = scale_of(maps.values)
    pixels = draw_mosaic(maps, scale)
    if pixels.shape[0] == 1 and pixels.shape[1] > _STRIP:
        rows = -(-pixels.shape[1] // _STRIP)
        pixels = np.pad(pixels[0], (0, rows * _STRIP - pixels.shape[1]), constant_values=GAP).reshape(rows, _STRIP)
    factor = max(min(_PICTURE // pixels.shape[1], 16), 1)
    size = f'width="{pixels.shape[1] * factor}" height="{pixels.shape[0] * factor}"'
    word = maps.word if maps.axis is not None else "tensor"
    return (
        f'<p class="soft">{maps.values.shape[0]:,} {word}{"s" if maps.values.shape[0] != 1 else ""}, one scale: '
        f'{describe_scale(scale)}</p><div class="scroll"><img class="k" {size} alt="weights as colours" '
        f'src="{encode_uri(pixels)}"></div>'
    )
