"""The exercise batch-norm: normalisation by the statistics of a batch, forward and backward."""

from typing import Any

import numpy as np

from cnnkit.exercises.exercise import Arguments, Exercise, Problem, Solve, having, replacing
from cnnkit.exercises.terms import write_number, write_place

FORWARD = """Return pictures normalised channel by channel, and the new running statistics.

x (N, C, H, W); gamma, beta, running_mean, running_variance (C,)
momentum: the weight of the new value in running statistics; epsilon: added to the variance; training: True or False

y: (x - mean) / sqrt(variance + epsilon) * gamma + beta
In training, mean and variance are those of each channel, over batch, rows and columns; the variance is the biased one,
divided by the number of values. Otherwise they are the running ones.
new_mean, new_variance (C,): in training (1 - momentum) * running + momentum * that of the batch, where the variance
is the unbiased one, divided by the number of values less 1 (as PyTorch and cnnkit do). Otherwise unchanged.
"""
BACKWARD = """Return the gradients of a loss with respect to x, gamma and beta of batch_norm in training.

dy (N, C, H, W): the gradient with respect to y; x, gamma, epsilon as there

dx: mean and variance depend on x too
dgamma, dbeta (C,)
"""
TAKES = ("x", "gamma", "beta", "running_mean", "running_variance", "momentum", "epsilon", "training")
GIVES = ("y", "new_mean", "new_variance")
AXES = (0, 2, 3)


def _spread(values: Any) -> Any:
    return np.asarray(values)[:, None, None]


def normalise(
    x: Any, gamma: Any, beta: Any, running_mean: Any, running_variance: Any, momentum: float, epsilon: float,
    training: bool, axes: Any = AXES, ddof: int = 0, running_ddof: int = 1, outside: bool = False, root: float = 0.5,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return the right (y, new_mean, new_variance), unless the last arguments say otherwise."""
    if training:
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, ddof=ddof, keepdims=True)
        parts = x.mean(AXES), x.var(AXES, ddof=running_ddof)
        pairs = zip((running_mean, running_variance), parts, strict=True)
        new = tuple((1 - momentum) * running + momentum * part for running, part in pairs)
    else:
        mean, variance, new = _spread(running_mean), _spread(running_variance), (running_mean, running_variance)
    divisor = variance**root + epsilon if outside else (variance + epsilon) ** root
    return (x - mean) / divisor * _spread(gamma) + _spread(beta), *new


def _normalising(**how: Any) -> Any:
    return lambda **arguments: normalise(**arguments, **how)


def _take_one(**_: Any) -> float:
    return 1.0


_of = replacing
FORWARD_MISTAKES: dict[str, Solve] = {
    "the variance that normalises is the unbiased one: divide by the number of values": _normalising(ddof=1),
    "the running variance is the biased one: divide by the number of values less 1": _normalising(running_ddof=0),
    "epsilon is added to the root, not to the variance": _normalising(outside=True),
    "x is divided by the variance, not by its root": _normalising(root=1.0),
    "the statistics are over the batch alone, for each pixel": _normalising(axes=(0,)),
    "the statistics are those of each picture (instance normalisation)": _normalising(axes=(2, 3)),
    "the statistics are over all channels": _normalising(axes=(0, 1, 2, 3)),
    "the statistics are over the channels of each picture (layer normalisation)": _normalising(axes=(1, 2, 3)),
    "epsilon is missing": having(normalise, epsilon=lambda **_: 0.0),
    "momentum is the weight of the old running value": having(normalise, momentum=lambda momentum, **_: 1 - momentum),
    "gamma is missing": having(normalise, gamma=lambda gamma, **_: np.ones_like(gamma)),
    "beta is missing": having(normalise, beta=lambda beta, **_: np.zeros_like(beta)),
    "gamma and beta are exchanged": having(normalise, gamma=lambda beta, **_: beta, beta=lambda gamma, **_: gamma),
    "gamma and beta are applied along the columns, not to their channels": lambda **a: (
        (normalise(**a | {"gamma": np.ones_like(a["gamma"]), "beta": 0 * a["beta"]})[0] * a["gamma"] + a["beta"]),
        *normalise(**a)[1:],
    ),
    "the mean is not subtracted": lambda **a: (
        normalise(**a)[0] + _spread(a["gamma"]) * _offset(**a),
        *normalise(**a)[1:],
    ),
    "the statistics of the batch are used outside of training too": lambda **a: (
        normalise(**a | {"training": True})[0],
        *normalise(**a)[1:],
    ),
    "running statistics change outside of training too": lambda **a: (
        normalise(**a)[0],
        *normalise(**a | {"training": True})[1:],
    ),
    "training and inference are exchanged": having(normalise, training=lambda training, **_: not training),
    "running statistics are used in training": lambda **a: (
        normalise(**a | {"training": False})[0],
        *normalise(**a)[1:],
    ),
    **{
        words: mistake(GIVES)
        for words, mistake in {
            "running statistics do not change in training": _of(
                normalise, new_mean=lambda _, running_mean, **__: running_mean,
                new_variance=lambda _, running_variance, **__: running_variance,
            ),
            "running statistics are replaced by those of the batch": lambda _: having(normalise, momentum=_take_one),
            "the running variance is a standard deviation": _of(
                normalise,
                new_variance=lambda right, x, running_variance, momentum, training, **_: (
                    (1 - momentum) * running_variance + momentum * x.std(AXES, ddof=1) if training else right
                ),
            ),
        }.items()
    },
}  # fmt: skip


def _offset(x: Any, running_mean: Any, running_variance: Any, epsilon: float, training: bool, **_: Any) -> Any:
    if training:
        return x.mean(AXES, keepdims=True) / np.sqrt(x.var(AXES, keepdims=True) + epsilon)
    return _spread(running_mean) / np.sqrt(_spread(running_variance) + epsilon)


def differentiate(
    dy: Any, x: Any, gamma: Any, epsilon: float, of_mean: bool = True, of_variance: bool = True, axes: Any = AXES
) -> tuple[Any, Any, Any]:
    """Return the right (dx, dgamma, dbeta): Ioffe and Szegedy 2015, equations of section 3, put together."""
    inverse = 1 / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    normalised = (x - x.mean(axes, keepdims=True)) * inverse
    scaled = dy * _spread(gamma)
    dx = scaled
    if of_mean:
        dx = dx - scaled.mean(axes, keepdims=True)
    if of_variance:
        dx = dx - normalised * (scaled * normalised).mean(axes, keepdims=True)
    return dx * inverse, (dy * normalised).sum(AXES), dy.sum(AXES)


BACKWARD_GIVES = ("dx", "dgamma", "dbeta")
_BACKWARD_MISTAKES: dict[str, Any] = {
    "dx leaves out that the mean depends on x": _of(
        differentiate, dx=lambda _, **a: differentiate(**a, of_mean=False)[0]
    ),
    "dx leaves out that the variance depends on x": _of(
        differentiate, dx=lambda _, **a: differentiate(**a, of_variance=False)[0]
    ),
    "dx leaves out that mean and variance depend on x": _of(
        differentiate, dx=lambda _, **a: differentiate(**a, of_mean=False, of_variance=False)[0]
    ),
    "dx lacks gamma": _of(differentiate, dx=lambda _, gamma, **a: differentiate(gamma=0 * gamma + 1, **a)[0]),
    "dx lacks the division by the standard deviation": _of(
        differentiate, dx=lambda right, x, epsilon, **_: right * np.sqrt(x.var(AXES, keepdims=True) + epsilon)
    ),
    "dx is dy times gamma": _of(differentiate, dx=lambda _, dy, gamma, **__: dy * _spread(gamma)),
    "dx: sums where means are due": _of(differentiate, dx=lambda _, **a: _take_sums(**a)),
    "dx is averaged over the batch": _of(differentiate, dx=lambda right, **_: right / len(right)),
    "dgamma is the sum of dy * x: x must be normalised": _of(
        differentiate, dgamma=lambda _, dy, x, **__: (dy * x).sum(AXES)
    ),
    "dgamma is the sum of dy * (x - mean), not divided by the standard deviation": _of(
        differentiate, dgamma=lambda _, dy, x, **__: (dy * (x - x.mean(AXES, keepdims=True))).sum(AXES)
    ),
    "dgamma is averaged over the batch": _of(differentiate, dgamma=lambda right, dy, **_: right / len(dy)),
    "dgamma and dbeta are averaged over batch and places": _of(
        differentiate,
        dgamma=lambda right, dy, **_: right / dy[:, 0].size,
        dbeta=lambda right, dy, **_: right / dy[:, 0].size,
    ),
    "dbeta is averaged over the batch": _of(differentiate, dbeta=lambda right, dy, **_: right / len(dy)),
    "dbeta is not summed over places": _of(differentiate, dbeta=lambda _, dy, **__: dy.sum(0)),
    "dbeta is not summed over the batch": _of(differentiate, dbeta=lambda _, dy, **__: dy.sum((2, 3))),
    "epsilon is missing": lambda _: having(differentiate, epsilon=lambda **__: 0.0),
}
BACKWARD_MISTAKES: dict[str, Solve] = {
    words: mistake(BACKWARD_GIVES) for words, mistake in _BACKWARD_MISTAKES.items()
} | {
    "dgamma and dbeta are returned in each other's place": lambda **a: tuple(
        differentiate(**a)[place] for place in (0, 2, 1)
    )
}


def _take_sums(dy: Any, x: Any, gamma: Any, epsilon: float) -> Any:
    inverse = 1 / np.sqrt(x.var(AXES, keepdims=True) + epsilon)
    normalised = (x - x.mean(AXES, keepdims=True)) * inverse
    scaled = dy * _spread(gamma)
    sums = scaled.sum(AXES, keepdims=True) + normalised * (scaled * normalised).sum(AXES, keepdims=True)
    return (scaled - sums) * inverse


def draw(rng: np.random.Generator) -> list[Arguments]:
    """Return cases in training and outside of it, with an epsilon that shows."""
    cases = []
    for (n, c, h, w), training in [
        ((3, 4, 2, 4), True),
        ((2, 3, 3, 3), True),
        ((3, 4, 2, 4), False),
        ((2, 2, 1, 2), True),
    ]:
        cases.append({
            "x": rng.normal(1, 2, (n, c, h, w)), "gamma": rng.uniform(0.5, 2, c), "beta": rng.normal(size=c),
            "running_mean": rng.normal(size=c), "running_variance": rng.uniform(0.5, 2, c), "momentum": 0.3,
            "epsilon": 0.2, "training": training,
        })  # fmt: skip
    return cases


def _draw_gradients(rng: np.random.Generator) -> list[Arguments]:
    return [
        {"dy": rng.normal(0.5, 1, case["x"].shape), "x": case["x"], "gamma": case["gamma"], "epsilon": case["epsilon"]}
        for case in draw(rng)
    ]


def _derive_value(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    c = place[1] if result == "y" else place[0]
    x, momentum, epsilon = arguments["x"], arguments["momentum"], arguments["epsilon"]
    mean, biased, unbiased = (write_number(value) for value in (x[:, c].mean(), x[:, c].var(), x[:, c].var(ddof=1)))
    running = arguments["running_mean" if result == "new_mean" else "running_variance"][c]
    if result != "y":
        if not arguments["training"]:
            return f"{write_place(result, place)}: {write_number(running)}, unchanged outside of training"
        new = mean if result == "new_mean" else f"{unbiased} (unbiased, of {x[:, c].size} values)"
        return f"{write_place(result, place)}: {1 - momentum:g} * {write_number(running)} + {momentum:g} * {new}"
    if not arguments["training"]:
        mean, biased = write_number(arguments["running_mean"][c]), write_number(arguments["running_variance"][c])
    top = f"({write_number(x[place])} - {mean})"
    scale, offset = write_number(arguments["gamma"][c]), write_number(arguments["beta"][c])
    return f"{write_place(result, place)}: {top} / sqrt({biased} + {epsilon:g}) * {scale} + {offset}"


def _derive_gradient(arguments: Arguments, result: str, place: tuple[int, ...]) -> str:
    dy, x, gamma, epsilon = (arguments[name] for name in ("dy", "x", "gamma", "epsilon"))
    c = place[1] if result == "dx" else place[0]
    deviation = np.sqrt(x[:, c].var() + epsilon)
    normalised = (x[:, c] - x[:, c].mean()) / deviation
    if result == "dbeta":
        return f"{write_place(result, place)}: the sum of dy[:, {c}]"
    if result == "dgamma":
        return f"{write_place(result, place)}: the sum of dy[:, {c}] * (x[:, {c}] - mean) / {write_number(deviation)}"
    scaled, at = dy[:, c] * gamma[c], (place[0], *place[2:])
    parts = (scaled[at], scaled.mean(), normalised[at], (scaled * normalised).mean(), deviation)
    g, mean, z, product, deviation = map(write_number, parts)
    top = f"(g {g} - mean of g {mean} - z {z} * mean of g z {product})"
    where = f"with g = dy * gamma and z = the normalised x of channel {c}"
    return f"{write_place(result, place)}: {top} / {deviation}, {where}"


def _draw_race(rng: np.random.Generator) -> Arguments:
    channels = np.ones(16)
    return {
        "x": rng.normal(size=(32, 16, 28, 28)), "gamma": channels, "beta": channels, "running_mean": channels,
        "running_variance": channels, "momentum": 0.1, "epsilon": 1e-5, "training": True,
    }  # fmt: skip


BATCH_NORM = Exercise(
    "batch-norm",
    "batch normalisation, forward and backward",
    (
        Problem("batch_norm", TAKES, GIVES, FORWARD, draw, normalise, FORWARD_MISTAKES, _derive_value, _draw_race,
                lambda _, arguments: normalise(**arguments)),
        Problem("batch_norm_backward", ("dy", "x", "gamma", "epsilon"), BACKWARD_GIVES, BACKWARD, _draw_gradients,
                differentiate, BACKWARD_MISTAKES, _derive_gradient),
    ),
)  # fmt: skip
