"""Checks of losses: value, gradient, probabilities, decisions."""

from typing import Any

import numpy as np

from cnnkit import losses
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, draw_generator, draw_normal

LOSSES: dict[str, tuple[str, ...]] = {
    "softmax_cross_entropy": ("softmax_cross_entropy", "softmax_cross_entropy:label_smoothing=0.1"),
    "binary_cross_entropy": ("binary_cross_entropy",),
    "mean_squared_error": ("mean_squared_error",),
    "half_squared_error": ("half_squared_error",),
    "l1": ("l1",),
    "probability_cross_entropy": ("probability_cross_entropy",),
    "huber": ("huber", "huber:delta=0.3"),
}
LossArguments = tuple[
    str, int, int, bool, float
]  # loss, samples, outputs, labels (not rows of targets), scale of the outputs


def make_case(draw: Draw, given: LossArguments) -> Case:
    """Return the case of one loss on one batch."""
    text, count, outputs, labelled, scale = given
    loss = losses.parse(text)
    z = draw_normal(draw, count, outputs, scale=scale)
    labels = draw_generator(draw).integers(0, max(outputs, 2), count)
    rows = np.eye(max(outputs, 2))[labels][:, :outputs]

    def run(arena: Arena) -> dict[str, Any]:
        targets = arena.integers(labels) if labelled else arena.array(rows)
        value, dy = loss.value_and_gradient(arena.backend, arena.array(z), targets)
        return {
            "loss": value.reshape(()),
            "dy": dy,
            "probabilities": loss.probabilities(arena.backend, arena.array(z)),
            "decisions": arena.host(loss.decide(arena.backend, arena.array(z))),
        }

    label = f"{text}, outputs ({count}, {outputs}) of {scale:g}, {'labels' if labelled else 'rows'}"
    return Case(label, run, kinds={"dy": "gradient", "decisions": "exact"}, dtype=None)


def _make_grid(texts: tuple[str, ...]) -> tuple[LossArguments, ...]:
    shapes = [(6, 10, True, 1.0), (5, 4, False, 1.0), (1, 3, True, 1.0), (3, 5, True, 50.0), (4, 2, True, 1e-3)]
    if "binary_cross_entropy" in texts:
        shapes.append((6, 1, True, 3.0))
    return tuple((text, *shape) for text in texts for shape in shapes)


CHECKS = [Check("losses", f"loss {name}", make_case, _make_grid(texts), drawn=False) for name, texts in LOSSES.items()]
