"""The exercises dropout and initialization: what random numbers, which are given, become."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having
from cnnkit.exercises.terms import write_number, write_place

DROPOUT_TEXT = """Return x with a share of its values set to 0, in training.

x: an array; draws: uniform random numbers in [0, 1) of the same shape; rate: the share to drop; training: True or False

In training a value is kept where its draw is at least rate, and divided by 1 - rate, so that the mean stays;
the others become 0. Otherwise y is x.
"""
DROPOUT_BACKWARD_TEXT = """Return the gradient of a loss with respect to x of dropout in training.

dy: the gradient with respect to y; draws, rate as there
"""
FANS_TEXT = """Return the fans of a weight: how many inputs reach one output, and how many outputs one input reaches.

shape: (O, I) of a dense layer, or (O, I, K, L) of a convolution, where the fans are the channels times the area of
the kernel
"""
GLOROT_TEXT = """Return weights drawn uniformly from [-limit, limit) with limit = sqrt(6 / (fan_in + fan_out)).

draws: uniform random numbers in [0, 1), of the shape of the weight: (O, I) or (O, I, K, L) (Glorot and Bengio 2010)
"""
HE_TEXT = """Return weights drawn from the normal distribution with mean 0 and variance 2 / fan_in.

normals: random numbers with mean 0 and variance 1, of the shape of the weight: (O, I) or (O, I, K, L) (He et al. 2015)
"""


def drop(x: Any, draws: Any, rate: float, training: bool) -> Any:
    """Return the right y."""
    return np.where(draws >= rate, x / (1 - rate), 0) if training else x


def _drop_as(keep: Any, scale: Any) -> Any:
    return lambda x, draws, rate, training: np.where(keep(draws, rate), x * scale(rate), 0) if training else x


def _above(draws: Any, rate: float) -> Any:
    return draws >= rate


DROPOUT_MISTAKES: dict[str, Solve] = {
    "kept values are not divided by 1 - rate": _drop_as(_above, lambda _: 1),
    "kept values are divided by the rate": _drop_as(_above, lambda rate: 1 / rate),
    "kept values are multiplied by 1 - rate": _drop_as(_above, lambda rate: 1 - rate),
    "the wrong values are kept: those whose draw is below the rate": _drop_as(
        lambda draws, rate: draws < rate, lambda rate: 1 / (1 - rate)
    ),
    "the rate is taken as the share to keep: draws below it are kept, divided by it": _drop_as(
        lambda draws, rate: draws < rate, lambda rate: 1 / rate
    ),
    "the rate is taken as the share to keep": _drop_as(lambda draws, rate: draws >= 1 - rate, lambda rate: 1 / rate),
    "one draw for each column, of the first sample": lambda x, draws, rate, training: drop(
        x, np.broadcast_to(draws[:1], x.shape), rate, training
    ),
    "values are dropped outside of training too": having(drop, training=lambda **_: True),
    "values are scaled outside of training too": lambda **a: drop(**a) if a["training"] else a["x"] * (1 - a["rate"]),
    "values are dropped outside of training, not in it": having(drop, training=lambda training, **_: not training),
    "nothing is dropped": lambda x, **_: x,
    "values are scaled, but none is dropped": lambda x, rate, training, **_: x / (1 - rate) if training else x,
}


def drop_back(dy: Any, draws: Any, rate: float) -> Any:
    """Return the right dx."""
    return drop(dy, draws, rate, training=True)


DROPOUT_BACKWARD_MISTAKES: dict[str, Solve] = {
    "dx is not divided by 1 - rate": lambda dy, draws, rate: np.where(draws >= rate, dy, 0),
    "dx is not masked: what was dropped has no gradient": lambda dy, rate, **_: dy / (1 - rate),
    "dx is dy": lambda dy, **_: dy,
    "the wrong values are kept: those whose draw is below the rate": lambda dy, draws, rate: np.where(
        draws < rate, dy / (1 - rate), 0
    ),
    "dx is divided by 1 - rate twice": lambda dy, draws, rate: drop_back(dy, draws, rate) / (1 - rate),
}


def count_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the right (fan_in, fan_out)."""
    area = int(np.prod(shape[2:]))
    return shape[1] * area, shape[0] * area


FANS_MISTAKES: dict[str, Solve] = {
    "fan_in and fan_out are exchanged: weights are (outputs, inputs, ...)": lambda shape: count_fans(shape)[::-1],
    "the area of the kernel is left out": lambda shape: (shape[1], shape[0]),
    "the area of the kernel is left out of fan_out": lambda shape: (count_fans(shape)[0], shape[0]),
    "one side of the kernel is left out": lambda shape: (shape[1] * shape[-1], shape[0] * shape[-1]),
    "fan_in is the number of all weights": lambda shape: (int(np.prod(shape)), count_fans(shape)[1]),
}


def draw_glorot(draws: Any) -> Any:
    """Return the right uniform weights."""
    return (2 * draws - 1) * np.sqrt(6 / sum(count_fans(draws.shape)))


def draw_he(normals: Any) -> Any:
    """Return the right normal weights."""
    return normals * np.sqrt(2 / count_fans(normals.shape)[0])


def _glorot(limit: Any) -> Any:
    return lambda draws: (2 * draws - 1) * limit(*count_fans(draws.shape))


def _he(scale: Any) -> Any:
    return lambda normals: normals * scale(*count_fans(normals.shape))


GLOROT_MISTAKES: dict[str, Solve] = {
    "the weights are not centred: draws go from 0 to 1": lambda draws: (
        draws * np.sqrt(6 / sum(count_fans(draws.shape)))
    ),
    "the weights are half as wide: draws minus 0.5": lambda draws: draw_glorot(draws) / 2,
    "the limit is the standard deviation: 2 instead of 6": _glorot(
        lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out))
    ),
    "the root is missing": _glorot(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
    "fan_out is left out": _glorot(lambda fan_in, _: np.sqrt(6 / fan_in)),
    "fan_in is left out": _glorot(lambda _, fan_out: np.sqrt(6 / fan_out)),
    "the limit is that of LeCun: sqrt(3 / fan_in)": _glorot(lambda fan_in, _: np.sqrt(3 / fan_in)),
    "the area of the kernel is left out of the fans": lambda draws: (2 * draws - 1) * np.sqrt(6 / sum(draws.shape[:2])),
}
HE_MISTAKES: dict[str, Solve] = {
    "the variance is used as the standard deviation: the root is missing": _he(lambda fan_in, _: 2 / fan_in),
    "fan_out is used instead of fan_in: weights are (outputs, inputs, ...)": _he(
        lambda _, fan_out: np.sqrt(2 / fan_out)
    ),
    "the variance is 1 / fan_in, as of LeCun": _he(lambda fan_in, _: np.sqrt(1 / fan_in)),
    "the variance is 2 / (fan_in + fan_out), as of Glorot": _he(
        lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out))
    ),
    "the limit of a uniform distribution is used: 6 instead of 2": _he(lambda fan_in, _: np.sqrt(6 / fan_in)),
    "the area of the kernel is left out of the fan": lambda normals: normals * np.sqrt(2 / normals.shape[1]),
    "divided by the standard deviation instead of multiplied": _he(lambda fan_in, _: 1 / np.sqrt(2 / fan_in)),
}


def _draw_dropout(rng: np.random.Generator) -> list[Arguments]:
    return [
        {"x": rng.normal(size=shape), "draws": rng.uniform(size=shape), "rate": rate, "training": training}
        for shape, rate, training in [((6, 7), 0.3, True), ((3, 4, 5), 0.8, True), ((4, 5), 0.4, False)]
    ]


def _draw_dropout_gradients(rng: np.random.Generator) -> list[Arguments]:
    return [
        {"dy": rng.normal(size=shape), "draws": rng.uniform(size=shape), "rate": rate}
        for shape, rate in [((6, 7), 0.3), ((3, 4, 5), 0.8)]
    ]


_SHAPES = [(10, 6), (4, 3, 5, 2), (2, 7, 3, 3)]


def _derive_dropped(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    value = write_number(arguments["x" if "x" in arguments else "dy"][place])
    draw, rate = arguments["draws"][place], arguments["rate"]
    if not arguments.get("training", True):
        return f"{write_place(result, place)}: {value}, as nothing is dropped outside of training"
    kept = f"at least {rate:g}, kept: {value} / {1 - rate:g}" if draw >= rate else f"below {rate:g}, dropped: 0"
    return f"{write_place(result, place)}: the draw {write_number(draw)} is {kept}"


def _derive_weight(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    if "shape" in arguments:  # of count_fans
        channels, kernel = (("inputs", 1) if result == "fan_in" else ("outputs", 0)), arguments["shape"][2:]
        sides = "".join(f" * {size}" for size in kernel)
        area = "times the kernel's area where there is one"
        return f"{result}: {arguments['shape'][channels[1]]}{sides}: the {channels[0]}, {area}"
    ((name, values),) = arguments.items()
    fan_in, fan_out = count_fans(values.shape)
    fans = f"fan_in {fan_in}, fan_out {fan_out}"
    drawn = write_number(values[place])
    if name == "draws":
        return f"{write_place(result, place)}: (2 * {drawn} - 1) * sqrt(6 / ({fan_in} + {fan_out})), with {fans}"
    return f"{write_place(result, place)}: {drawn} * sqrt(2 / {fan_in}), with {fans}"


DROPOUT = Exercise(
    "dropout",
    "dropout, forward and backward",
    (
        Problem("dropout", ("x", "draws", "rate", "training"), ("y",), DROPOUT_TEXT, _draw_dropout, drop,
                DROPOUT_MISTAKES, _derive_dropped),
        Problem("dropout_backward", ("dy", "draws", "rate"), ("dx",), DROPOUT_BACKWARD_TEXT, _draw_dropout_gradients,
                drop_back, DROPOUT_BACKWARD_MISTAKES, _derive_dropped),
    ),
)  # fmt: skip
INITIALIZATION = Exercise(
    "initialization",
    "the first weights, by Glorot and by He",
    (
        Problem("count_fans", ("shape",), ("fan_in", "fan_out"), FANS_TEXT, lambda _: [{"shape": s} for s in _SHAPES],
                count_fans, FANS_MISTAKES, _derive_weight),
        Problem("glorot_uniform", ("draws",), ("weight",), GLOROT_TEXT,
                lambda rng: [{"draws": rng.uniform(size=s)} for s in _SHAPES], draw_glorot, GLOROT_MISTAKES,
                _derive_weight),
        Problem("he_normal", ("normals",), ("weight",), HE_TEXT,
                lambda rng: [{"normals": rng.normal(size=s)} for s in _SHAPES], draw_he, HE_MISTAKES, _derive_weight),
    ),
)  # fmt: skip
