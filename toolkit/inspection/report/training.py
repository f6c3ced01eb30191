"""The training of the weights in a file: the figures of the kept epoch, and its curves as inline SVG."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnkit.exporters.core.kept_epoch import KeptEpoch, list_history, read_figures, read_kept_epoch
from cnnkit.files.markup import escape_html

_WIDE, _TALL = 520, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 26, 34  # margins of the axes
_POINTS = 400  # more epochs than these are thinned
_DOTS = 60  # of more epochs the dots would hide the line
_PANELS = (("loss", "Loss"), ("accuracy", "Accuracy"))
_CURVES = (("", "training", "curve"), ("validation_", "validation", "curve dashed"))


def list_facts(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (value, words) of the epoch whose weights the file holds; nothing for a file without a training."""
    kept = read_kept_epoch(metadata)
    if kept is None:
        return
    number, _, rest = kept.text.partition(" ")
    yield (number, rest) if kept.epoch == kept.epochs else (f"{kept.epoch} of {kept.epochs}", "epoch of these weights")
    if "accuracy" in kept.test:
        images = f" ({kept.test['images']:,} images)" if "images" in kept.test else ""
        yield f"{kept.test['accuracy']:.2%}", f"test accuracy{images}"
    for key, words in (("validation_accuracy", "validation accuracy"), ("accuracy", "training accuracy")):
        if key in kept.figures:
            yield f"{kept.figures[key]:.2%}", words


def render_curves(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section with loss and accuracy over the epochs; nothing for a file without a history."""
    history, kept = list_history(metadata), read_kept_epoch(metadata)
    panels = [_draw_panel(history, key, title, kept) for key, title in _PANELS] if kept is not None else []
    if kept is None or not any(panels):
        return
    yield f'<h2>Training</h2>\n<p class="soft">{escape_html(kept.figures_text)}</p>\n'
    yield f'<div class="parts">{"".join(panels)}</div>\n'


def _draw_panel(history: Sequence[Mapping[str, Any]], key: str, title: str, kept: KeptEpoch) -> str:
    """Return the curves of one figure with axes, "" where no epoch has it."""
    chosen = sorted({*range(0, len(history), -(-len(history) // _POINTS)), len(history) - 1, max(kept.epoch - 1, 0)})
    curves = {
        prefix: [(i + 1, value) for i in chosen if (value := read_figures(history[i]).get(prefix + key)) is not None]
        for prefix, _, _ in _CURVES
    }
    values = [value for points in curves.values() for _, value in points]
    if not values:
        return ""
    ticks = choose_ticks(min([0.0, *values] if key == "loss" else values), 1.0 if key == "accuracy" else max(values))
    low, high, last = ticks[0], ticks[-1], len(history)

    def place(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - 1) / (last - 1) if last > 1 else 0.5
        up = (value - low) / (high - low)
        return _LEFT + across * (_WIDE - _LEFT - _RIGHT), _TALL - _BOTTOM - up * (_TALL - _TOP - _BOTTOM)

    parts = [f'<text x="{_LEFT}" y="14">{title}</text>', *_draw_axes(ticks, last, place, key == "accuracy")]
    begin = _LEFT + 70  # of the legend
    if kept.epoch and kept.epoch < last:
        x, _ = place(kept.epoch, low)
        parts.append(f'<line class="kept" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TALL - _BOTTOM}"/>')
        parts.append(f'<line class="kept" x1="{begin + 220}" y1="2" x2="{begin + 220}" y2="18"/>')
        parts.append(f'<text x="{begin + 226}" y="14">kept: epoch {kept.epoch}</text>')
    for prefix, name, style in _CURVES:
        points = [(epoch, value, *place(epoch, value)) for epoch, value in curves[prefix]]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for _, _, x, y in points)
        parts.append(f'<polyline class="{style} {name[0]}" points="{line}"/>')
        if len(points) <= _DOTS:
            parts += [
                f'<circle class="{name[0]}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
                f"<title>epoch {epoch}: {name} {_format(value, key)}</title></circle>"
                for epoch, value, x, y in points
            ]
        parts.append(f'<line class="{style} {name[0]}" x1="{begin}" y1="10" x2="{begin + 26}" y2="10"/>')
        parts.append(f'<text x="{begin + 31}" y="14">{name}</text>')
        begin += 110
    label = f"{title.lower()} over {last} epochs"
    return (
        f'<svg class="curves" width="{_WIDE}" height="{_TALL}" viewBox="0 0 {_WIDE} {_TALL}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _draw_axes(ticks: Sequence[float], last: int, place: Any, percent: bool) -> Iterator[str]:
    for tick in ticks:
        _, y = place(1, tick)
        text = f"{tick:.4g}" if not percent else f"{100 * tick:.4g} %"
        yield f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDE - _RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    for epoch in sorted({1, *(int(t) for t in choose_ticks(1, last) if 1 <= t <= last and t == int(t)), last}):
        x, _ = place(epoch, ticks[0])
        if epoch in (1, last) or min(abs(x - place(end, ticks[0])[0]) for end in (1, last)) > 24:
            yield f'<text x="{x:.1f}" y="{_TALL - _BOTTOM + 15}" text-anchor="middle">{epoch}</text>'
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    yield f'<text x="{middle:g}" y="{_TALL - 4}" text-anchor="middle">epoch</text>'


def choose_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most about `most` round numbers, a step of 1, 2 or 5 apart, the first <= low and the last >= high."""
    span = max(high - low, 1e-9 * abs(high), 1e-250) if high != low else max(abs(high), 1.0)
    rough = span / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, count = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12 - math.floor(math.log10(step))) for k in range(first, max(count, first + 1) + 1)]


def _format(value: float, key: str) -> str:
    return f"{value:.2%}" if key == "accuracy" else f"{value:.4g}"
