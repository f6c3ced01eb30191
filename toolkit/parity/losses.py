"""Checks of losses: value, gradient, probabilities, decisions."""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnkit import losses
from cnnkit.parity.check import Arena, Case, Check
from cnnkit.parity.draw import Draw, draw_generator, draw_normal, round_to_float32

LOSSES: dict[str, tuple[str, ...]] = {
    "softmax_cross_entropy": ("softmax_cross_entropy", "softmax_cross_entropy:label_smoothing=0.1"),
    "binary_cross_entropy": ("binary_cross_entropy", "binary_cross_entropy:label_smoothing=0.1,over_outputs=sum"),
    "mean_squared_error": ("mean_squared_error",),
    "half_squared_error": ("half_squared_error",),
    "l1": ("l1",),
    "probability_cross_entropy": ("probability_cross_entropy",),
    "huber": ("huber", "huber:delta=0.3"),
    "focal": ("focal", "focal:gamma=1.5,label_smoothing=0.1"),
    "binary_focal": ("binary_focal", "binary_focal:gamma=0.5,alpha=0.6"),
    "dice": ("dice",),
    "hinge": ("hinge", "hinge:power=2"),
    "binary_hinge": ("binary_hinge", "binary_hinge:power=2,margin=0.5"),
    "kl_divergence": ("kl_divergence:label_smoothing=0.1",),
    "negative_log_likelihood": ("negative_log_likelihood",),
    "poisson": ("poisson", "poisson:log_input=false"),
    "cosine_distance": ("cosine_distance",),
    "triplet": ("triplet", "triplet:margin=2.0,mining=all"),
}
_BINARY = ("binary_cross_entropy", "binary_focal", "binary_hinge")
# The largest scale of what is taken to exp: an exponential of more is of another magnitude.
_LARGEST = {"poisson": 3.0, "kl_divergence": 3.0, "negative_log_likelihood": 3.0}


class LossArguments(NamedTuple):
    """A loss, and the batch that it meets.

    labelled  targets are labels, the last of them ignored, not rows with a one
    scale     of the outputs
    places    the axes that follow (N, K)
    weighted  samples have weights
    """

    text: str
    samples: int
    outputs: int
    labelled: bool
    scale: float
    places: tuple[int, ...] = ()
    weighted: bool = False


def make_case(draw: Draw, given: LossArguments) -> Case:
    """Return the case of one loss on one batch."""
    loss, count, places = losses.parse(given.text), given.samples, given.places
    z = draw_normal(draw, count, given.outputs, *places, scale=given.scale)
    classes = max(given.outputs, 2)
    labels = draw_generator(draw).integers(0, classes, (count, *places))
    rows = np.moveaxis(np.eye(classes)[labels], -1, 1)[:, : given.outputs]
    if count > 1:
        labels[-1] = -1
    weights = round_to_float32(draw_generator(draw).uniform(0, 2, count))

    def run(arena: Arena) -> dict[str, Any]:
        targets = arena.integers(labels) if given.labelled else arena.array(rows)
        factors = arena.array(weights) if given.weighted else None
        value, dy = loss.value_and_gradient(arena.backend, arena.array(z), targets, factors)
        return {
            "loss": value.reshape(()),
            "dy": dy,
            "probabilities": loss.probabilities(arena.backend, arena.array(z)),
            "decisions": arena.host(loss.decide(arena.backend, arena.array(z))),
        }

    form = "labels" if given.labelled else "rows"
    label = f"{given.text}, outputs {z.shape} of {given.scale:g}, {form}{', weights' if given.weighted else ''}"
    return Case(label, run, kinds={"dy": "gradient", "decisions": "exact"}, dtype=None)


def _make_grid(name: str, texts: tuple[str, ...]) -> tuple[LossArguments, ...]:
    batch = partial(LossArguments, "")
    batches = [
        batch(6, 10, True, 1.0), batch(5, 4, False, 1.0), batch(1, 3, True, 1.0), batch(3, 5, True, 50.0),
        batch(4, 2, True, 1e-3), batch(5, 3, True, 1.0, (), True), batch(4, 3, True, 1.0, (3, 2), True),
        batch(2, 3, False, 2.0, (4,)),
    ]  # fmt: skip
    if name in _BINARY:
        batches.append(batch(6, 1, True, 3.0))
    if name == "triplet":
        batches = [batch(9, 4, True, 1.0), batch(7, 2, True, 30.0, (), True), batch(8, 2, True, 1e-3)]
    most = _LARGEST.get(name, math.inf)
    return tuple(given._replace(text=text, scale=min(given.scale, most)) for text in texts for given in batches)


CHECKS = [
    Check("losses", f"loss {name}", make_case, _make_grid(name, texts), drawn=False) for name, texts in LOSSES.items()
]
