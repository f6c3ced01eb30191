"""Edges of a node-link diagram: colour by sign, width and opacity by the square of magnitude, in 8 steps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnkit.exporters.svg.canvas import Canvas, Element
from cnnkit.exporters.svg.numbers import Floats

STEPS = 8
_INK = 0.06
Point = tuple[float, float]


def write_edge_styles() -> str:
    """Return the CSS of thin edges (e1 to e8, from many inputs) and thick ones (f1 to f8)."""
    rules = []
    for step in range(1, STEPS + 1):
        share = (step - 1) / (STEPS - 1)
        rules.append(f".e{step}{{stroke-width:{0.1 + 1.1 * share:.2f};opacity:{0.05 + 0.95 * share:.2f}}}")
        rules.append(f".n:hover .e{step}{{stroke-width:{0.2 + 1.6 * share:.2f};opacity:{0.1 + 0.9 * share**0.5:.2f}}}")
        rules.append(f".f{step}{{stroke-width:{0.4 + 3.6 * share:.2f};opacity:{0.12 + 0.78 * share:.2f}}}")
    return "".join(rules) + ".n:hover .ink{opacity:1}"


def quantize(weights: Floats, limit: float) -> NDArray[np.int64]:
    """Return sign times step, 1 to 8, by the square of weight / limit; 0 for zero, NaN and infinity."""
    if not limit:
        return np.zeros(weights.shape, np.int64)
    with np.errstate(all="ignore"):
        share = np.square(np.clip(np.abs(weights) / limit, 0, 1))
    steps = np.sign(weights) * np.clip(np.ceil(share * STEPS), 1, STEPS)
    signed: NDArray[np.int64] = np.where(np.isfinite(weights), steps, 0).astype(np.int64)
    return signed


def find_opacity(weights: Floats, limit: float) -> float:
    """Return the opacity of a layer's edges as a whole: less than 1 where most are strong and would hide each other."""
    finite = weights[np.isfinite(weights)]
    mean = float(np.mean(np.square(finite / limit))) if finite.size and limit else 0.0
    return round(min(1.0, _INK / mean), 2) if mean else 1.0


def draw_bundles(canvas: Canvas, starts: Sequence[Point], ends: Sequence[Point], steps: Sequence[int]) -> list[Element]:
    """Return all edges into one neuron, one path per strength, the strongest on top."""
    strands: dict[int, list[str]] = {}
    for (x, y), end, step in zip(starts, ends, steps, strict=True):
        if step:
            strands.setdefault(step, []).append(f"M{x:g} {y:g}L{end[0]:g} {end[1]:g}")
    order = sorted(strands, key=lambda step: (abs(step), step))
    return [canvas.path("".join(strands[step]), f"e e{abs(step)} {_name_sign(step)}") for step in order]


def draw_curves(
    canvas: Canvas, starts: Sequence[Point], end: Point, steps: Sequence[int], names: Sequence[str]
) -> list[Element]:
    """Return each edge into one neuron as a curve with a class of its own, the strongest on top."""
    order = sorted((i for i, step in enumerate(steps) if step), key=lambda i: (abs(steps[i]), i))
    drawn = []
    for i in order:
        (x, y), half = starts[i], (end[0] - starts[i][0]) / 2
        curve = f"M{x:g} {y:g}C{x + half:g} {y:g} {end[0] - half:g} {end[1]:g} {end[0]:g} {end[1]:g}"
        drawn.append(canvas.path(curve, f"e f{abs(steps[i])} {_name_sign(steps[i])} {names[i]}"))
    return drawn


def _name_sign(step: int) -> str:
    return "ep" if step > 0 else "en"
