"""Histograms as inline SVG: linear ones with axes, and those by power of two."""

import math
from collections.abc import Iterator

from cnnkit.inspection.histogram import SIDE, Histogram
from cnnkit.inspection.linear_histogram import LinearHistogram, round_up

_DETAIL = 16  # powers of two on each side of the large histogram
_WIDE, _TALL, _BAR = 560, 120, 16
_LEFT, _TOP, _BELOW = 64, 10, 36  # px beside the bars for the axes
_LABELS = 7  # numbers on the axis of values, at most


def draw_small(histogram: Histogram) -> str:
    """Return counts by power of two for a row of a table."""
    places = range(2 * SIDE + 1)
    return _draw_row([(count, _css_class(k, SIDE)) for k, count in zip(places, histogram.bars(), strict=True)], 6)


def draw_small_linear(histogram: LinearHistogram) -> str:
    """Return linear counts for a row of a table."""
    bars = [(count, _sign_class(histogram, k)) for k, count in enumerate(histogram.counts)]
    return _draw_row(bars, round(102 / len(bars), 2))


def _draw_row(bars: list[tuple[int, str]], pitch: float) -> str:
    most = max(count for count, _ in bars) or 1
    width = f"{max(pitch - 1, 0.8 * pitch):g}"
    drawn = "".join(
        f'<rect class="{name}" x="{pitch * k:g}" y="{24 - height:g}" width="{width}" height="{height:g}"/>'
        for k, (count, name) in enumerate(bars)
        if (height := round(max(24 * count / most, 1.5 if count else 0), 1))
    )
    return f'<svg width="102" height="24" viewBox="0 0 102 24" aria-hidden="true">{drawn}</svg>'


def draw_linear(histogram: LinearHistogram) -> str:
    """Return a linear histogram with both axes; each bar shows its range and count on hover."""
    pitch = (_WIDE - _LEFT - 20) / len(histogram.counts)
    unit = max(round_up(max(*histogram.counts, 1) / 3), 1.0)
    top = unit * math.ceil(max(*histogram.counts, 1) / unit)
    base = _TOP + _TALL
    parts = []
    for number in range(round(top / unit) + 1):
        y = base - _TALL * number * unit / top
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - 20}" y1="{y:g}" y2="{y:g}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{number * unit:,.0f}</text>')
    for k, count in enumerate(histogram.counts):
        height = round(max(_TALL * count / top, 1 if count else 0), 1)
        shape = f'x="{_LEFT + pitch * k:.1f}" y="{base - height:g}" width="{max(pitch - 1, 0.5):.1f}"'
        ends = f"{_format_edge(histogram, k)} to {_format_edge(histogram, k + 1)}: {count:,}"
        parts.append(
            f'<rect class="{_sign_class(histogram, k)}" {shape} height="{height:g}"><title>{ends}</title></rect>'
        )
    parts += _draw_value_axis(histogram, pitch, base)
    tall = base + _BELOW
    return (
        f'<svg width="{_WIDE}" height="{tall}" viewBox="0 0 {_WIDE} {tall}" role="img" '
        f'aria-label="histogram of the values">{"".join(parts)}</svg>'
    )


def _draw_value_axis(histogram: LinearHistogram, pitch: float, base: float) -> Iterator[str]:
    """Yield the axis of values: numbers at round multiples of the bins' width, so that zero is among them."""
    bins = len(histogram.counts)
    every = next(n for n in (1, 2, 4, 5, 10, 20) if bins / n <= _LABELS or n == 20)
    for k in range(bins + 1):
        if (histogram.first + k) % every == 0:
            x = f"{_LEFT + pitch * k - 0.5:.1f}"
            yield f'<line class="tick" x1="{x}" x2="{x}" y1="{base}" y2="{base + 4}"/>'
            yield f'<text x="{x}" y="{base + 16}" text-anchor="middle">{_format_edge(histogram, k)}</text>'
    middle = (_LEFT + _WIDE - 20) / 2
    yield f'<text x="{middle:g}" y="{base + 32}" text-anchor="middle">value</text>'


def _format_edge(histogram: LinearHistogram, place: int) -> str:
    return f"{round(histogram.edge(place), 12 - math.floor(math.log10(histogram.step))):.6g}"


def _sign_class(histogram: LinearHistogram, place: int) -> str:
    return "n" if histogram.first + place < 0 else "p"


def draw_powers(histogram: Histogram) -> str:
    """Return counts by sign and power of two with a scale; each bar shows its range and count on hover."""
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
