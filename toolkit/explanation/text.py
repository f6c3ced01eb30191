"""An explanation as lines of text, and as JSON."""

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from cnnkit.explanation.explain import Explanation
from cnnkit.explanation.worked import Floats, Window
from cnnkit.files.names import printable

_SHOWN = 4  # windows, those with the largest sums
_LISTED = 8  # products of a window that is too large to be shown
_ACROSS, _MOST = 12, 150  # values of a row, and of a window, that are shown
_AXES = {1: ("positions",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}
_WIDTH = 9


def write_lines(explanation: Explanation, width: int = 160) -> Iterator[str]:
    """Yield the calculation line by line. width: of the lines; grids that do not fit stand one below another."""
    worked = explanation.worked
    yield worked.formula
    if explanation.seen is not None:
        yield f"sees {describe_seen(explanation)} of the picture"
    shown = choose_windows(worked.windows, _SHOWN)
    for window in shown:
        yield ""
        yield from _write_window(window, width)
    remaining = len(worked.windows) - len(shown)
    if remaining:
        total = math.fsum(window.total for window in worked.windows if not any(window is one for one in shown))
        yield ""
        yield f"{remaining} more channels, whose sums add up to {total:.9g}"
    yield ""
    rows = [(step.text, f"{step.value:.9g}") for step in worked.steps]
    rows.append(("result", f"{explanation.computed:.9g}"))
    rows.append(("the network's own value", f"{explanation.own:.9g}"))
    difference = f"{abs(explanation.own - explanation.computed):.1e}, by rounding at most {explanation.bound:.1e}"
    rows.append(("difference", difference))
    if explanation.following is not None:
        after = explanation.following
        rows.append((f"layer {printable(after.path)} ({after.type}) makes of it", f"{after.value:.9g}"))
    widest = max(len(text) for text, _ in rows)
    yield from (f"{text:<{widest}}  {value}" for text, value in rows)


def choose_windows(windows: Sequence[Window], most: int) -> list[Window]:
    """Return the windows with the largest sums, in their order."""
    order = sorted(range(len(windows)), key=lambda i: (-abs(windows[i].total), i))[:most]
    return [windows[i] for i in sorted(order)]


def describe_seen(explanation: Explanation) -> str:
    """Return the pixels that the value sees: "rows 2 to 4, columns 3 to 5"; "" where it sees all."""
    if explanation.seen is None:
        return ""
    sizes = explanation.picture.shape[1:]
    inside = [(max(a, 0), min(b, n)) for (a, b), n in zip(explanation.seen, sizes, strict=True)]
    if any(a >= b for a, b in inside):
        return "nothing but padding"
    beyond = any(a < 0 or b > n for (a, b), n in zip(explanation.seen, sizes, strict=True))
    return _name_ranges(inside) + (" and padding beyond the edge" if beyond else "")


def describe_window(window: Window) -> str:
    """Return which values of the layer's input a window holds: "channel 2, rows 1 to 3, columns 0 to 2"."""
    if not window.start:
        return window.title
    counts = zip(window.start, window.values.shape, window.step, strict=True)
    ranges = [(start, start + (count - 1) * step + 1) for start, count, step in counts]
    gaps = f", every {'by'.join(map(str, window.step))}th" if any(step > 1 for step in window.step) else ""
    return f"{window.title}, {_name_ranges(ranges)}{gaps}"


def _name_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    named = zip(_AXES[len(ranges)], ranges, strict=True)
    return ", ".join(f"{axis} {a} to {b - 1}" if b - a > 1 else f"{axis[:-1]} {a}" for axis, (a, b) in named)


def _write_window(window: Window, width: int) -> Iterator[str]:
    yield describe_window(window)
    if window.values.shape[-1] > _ACROSS or window.values.size > _MOST:
        yield from _list_products(window)
    elif window.weights is None:
        yield from (f"  {line}" for line in _write_grid(window.values, window.inside))
    else:
        grids = [
            ["x", *_write_grid(window.values, window.inside)],
            ["weight", *_write_grid(window.weights)],
            ["x * weight", *_write_grid(window.products, window.inside)],
        ]
        wide = _WIDTH * window.values.shape[-1]
        beside = zip_longest(*grids, fillvalue="") if 3 * wide + 10 <= width else ([line] for g in grids for line in g)
        for lines in beside:
            yield "  " + "    ".join(f"{line:<{wide}}" for line in lines).rstrip()
        yield f"  sum {window.total:.9g}"


def _list_products(window: Window) -> Iterator[str]:
    """Yield the largest products of a window, or its largest values."""
    products = window.products.ravel()
    order = np.argsort(-np.abs(products), kind="stable")[:_LISTED]
    places = np.stack(np.unravel_index(order, window.values.shape), axis=1)
    for number, place in zip(order, places, strict=True):
        where = ",".join(str(int(p) + s) for p, s in zip(place, window.start or (0,) * len(place), strict=True))
        x = window.values.ravel()[number]
        if window.weights is None:
            yield f"  x[{where}] = {x:.6g}"
        else:
            yield f"  x[{where}] {x:.6g} * weight {window.weights.ravel()[number]:.6g} = {products[number]:.6g}"
    rest = products.size - len(order)
    if rest > 0:
        others = math.fsum(np.delete(products, order).tolist())
        yield f"  and {rest:,} smaller ones, which add up to {others:.9g}"
    yield f"  sum {window.total:.9g}"


def _write_grid(values: Floats, inside: Any = None) -> list[str]:
    """Return rows of numbers in columns; what is padding as a dot."""
    rows = values.reshape(-1, values.shape[-1])
    within = np.ones(rows.shape, bool) if inside is None else inside.reshape(rows.shape)
    finite = np.abs(rows[np.isfinite(rows)])
    largest = float(finite.max()) if finite.size else 0.0
    digits = 0 if not largest else math.floor(math.log10(largest))
    form = f".{min(max(4 - digits, 0), 5)}f" if -2 <= digits <= 4 else ".1e"
    cells = [
        [f"{v + 0.0:{form}}" if w else "." for v, w in zip(*r, strict=True)] for r in zip(rows, within, strict=True)
    ]
    return ["".join(f"{cell:>{_WIDTH}}" for cell in row) for row in cells]


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Return all numbers of the calculation as JSON-ready data."""
    worked, after = explanation.worked, explanation.following
    return {
        "layer": explanation.placed.path, "type": explanation.placed.layer.type, "index": list(explanation.index),
        "formula": worked.formula,
        "seen": None if explanation.seen is None else [list(side) for side in explanation.seen],
        "windows": [_window_json(window) for window in worked.windows],
        "steps": [{"text": step.text, "value": step.value} for step in worked.steps],
        "computed": explanation.computed, "own": explanation.own, "bound": explanation.bound,
        "agrees": explanation.agrees,
        "following": None if after is None else {"layer": after.path, "type": after.type, "value": after.value},
    }  # fmt: skip


def _window_json(window: Window) -> dict[str, Any]:
    weights = None if window.weights is None else window.weights.tolist()
    return {
        "title": window.title, "channel": window.channel, "start": list(window.start), "step": list(window.step),
        "x": window.values.tolist(), "inside": window.inside.tolist(), "weight": weights,
        "products": window.products.tolist(), "sum": window.total,
    }  # fmt: skip
