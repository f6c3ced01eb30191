"""Checks of one optimizer step, against the formulas of the papers computed on the host."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit import optimizers
from cnnkit.optimizers import Optimizer, Scalars
from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_generator, draw_normal, draw_shape
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
SGD = ("sgd", "sgd:weight_decay=0.1", "sgd:momentum=0.9", "sgd:momentum=0.8,nesterov=true,weight_decay=0.01")
ADAM = ("adam", "adam:beta1=0.5,beta2=0.9,epsilon=0.1", "adam:weight_decay=0.1", "adamw:weight_decay=0.3")
RMSPROP = ("rmsprop", "rmsprop:decay=0.5,momentum=0.9", "rmsprop:weight_decay=0.1,epsilon=0.1")
SHAPE = (3, 4)
UpdateArguments = tuple[str, tuple[int, ...]] | None  # an optimizer, the shape of its parameter
Formula = Callable[[Any, Values, Values, dict[str, Values], Scalars], tuple[Values, ...]]


@CHECKS.add("update", grid=[(), (3,), (2, 3, 4)])
def update(draw: Draw, shape: tuple[int, ...] | None) -> Case:
    """Parameter and slots get the results of the formula for the old values; the gradient does not change."""
    shape = draw_shape(draw) if shape is None else shape
    x, y, g = draw_normal(draw, *shape), draw_normal(draw, *shape), draw_normal(draw, *shape)

    def run(arena: Arena) -> dict[str, Any]:
        gradient = arena.array(g)
        new = arena.backend.update(lambda x, g, y: (x + g * y, x * 2 - y), arena.array(x), gradient, arena.array(y))
        return {"x": new[0], "y": new[1], "gradient": gradient}

    return Case(f"shape {shape}", run, wanted={"x": x + g * y, "y": 2 * x - y, "gradient": g})


@CHECKS.add("sgd_update", grid=[(text, SHAPE) for text in SGD])
def sgd_update(draw: Draw, given: UpdateArguments) -> Case:
    """A step of stochastic gradient descent, with momentum or without."""
    return _make_step_case(draw, given or (draw.choice(SGD), draw_shape(draw)), _compute_sgd)


@CHECKS.add("adam_update", grid=[(text, SHAPE) for text in ADAM])
def adam_update(draw: Draw, given: UpdateArguments) -> Case:
    """A step of Adam or AdamW."""
    return _make_step_case(draw, given or (draw.choice(ADAM), draw_shape(draw)), _compute_adam)


@CHECKS.add("rmsprop_update", grid=[(text, SHAPE) for text in RMSPROP])
def rmsprop_update(draw: Draw, given: UpdateArguments) -> Case:
    """A step of RMSprop, with momentum or without."""
    return _make_step_case(draw, given or (draw.choice(RMSPROP), draw_shape(draw)), _compute_rmsprop)


def _make_step_case(draw: Draw, given: tuple[str, tuple[int, ...]], formula: Formula) -> Case:
    """Return the case of one step with slots that are not zero."""
    text, shape = given
    optimizer: Optimizer = optimizers.parse(text)
    parameter, gradient, rng = draw_normal(draw, *shape), draw_normal(draw, *shape), draw_generator(draw)
    slots = {name: np.abs(draw_normal(draw, *shape)) for name in optimizer.slots}
    scalars = optimizer.scalars(int(rng.integers(1, 50)), 0.05)

    def run(arena: Arena) -> dict[str, Any]:
        arrays = arena.array(parameter), arena.array(gradient), [arena.array(slot) for slot in slots.values()]
        return dict(zip(("parameter", *slots), optimizer.step(arena.backend, *arrays, scalars), strict=True))

    values = formula(optimizer, parameter, gradient, slots, scalars)
    return Case(f"{text}, shape {shape}", run, wanted=dict(zip(("parameter", *slots), values, strict=True)))


def _compute_sgd(o: Any, p: Values, g: Values, slots: dict[str, Values], scalars: Scalars) -> tuple[Values, ...]:
    g = g + o.weight_decay * p
    velocity = o.momentum * slots.get("velocity", 0.0) + g
    direction = g + o.momentum * velocity if o.nesterov else velocity
    return (p - scalars["rate"] * direction, velocity)[: 1 + len(slots)]


def _compute_adam(o: Any, p: Values, g: Values, slots: dict[str, Values], scalars: Scalars) -> tuple[Values, ...]:
    if isinstance(o, optimizers.AdamW):
        p = p * (1 - scalars["rate"] * o.weight_decay)
    else:
        g = g + o.weight_decay * p
    first = o.beta1 * slots["first_moment"] + (1 - o.beta1) * g
    second = o.beta2 * slots["second_moment"] + (1 - o.beta2) * g**2
    return p - scalars["size"] * first / (np.sqrt(second) * scalars["correction"] + o.epsilon), first, second


def _compute_rmsprop(o: Any, p: Values, g: Values, slots: dict[str, Values], scalars: Scalars) -> tuple[Values, ...]:
    g = g + o.weight_decay * p
    square = o.decay * slots["square"] + (1 - o.decay) * g**2
    velocity = o.momentum * slots.get("velocity", 0.0) + g / (np.sqrt(square) + o.epsilon)
    return (p - scalars["rate"] * velocity, square, velocity)[: 1 + len(slots)]
