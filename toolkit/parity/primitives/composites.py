"""Checks of composite primitives, against formulas computed on the host.

Their default bodies are shared by all backends, including the reference, which therefore cannot be the oracle.
"""

from typing import Any

import numpy as np

from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_generator, draw_normal, draw_shape, draw_sizes
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
BIASED = [((3, 4), False), ((3, 4), True), ((2, 3, 4, 5), False), ((2, 3, 4, 5), True), ((1, 1, 1, 1), True)]


def _choose_bias_case(draw: Draw, given: Any) -> tuple[tuple[int, ...], bool]:
    if given is not None:
        shape, relu = given
        return shape, relu
    shape = (draw.integer(1, 4), draw.integer(1, 5))
    return shape + ((draw.integer(1, 4), draw.integer(1, 4)) if draw.choice((True, False)) else ()), draw.choice(
        (True, False)
    )


def _align_with_channels(bias: Values, x: Values) -> Values:
    return bias.reshape((1, -1) + (1,) * (x.ndim - 2))


@CHECKS.add("add_bias", grid=BIASED)
def add_bias(draw: Draw, given: Any) -> Case:
    """Add bias along axis 1; with relu, return the positive part."""
    shape, relu = _choose_bias_case(draw, given)
    x, bias = draw_normal(draw, *shape), draw_normal(draw, shape[1])
    y = x + _align_with_channels(bias, x)
    wanted = {"y": np.where(y > 0, y, 0.0) if relu else y}
    run = lambda arena: {"y": arena.backend.add_bias(arena.array(x), arena.array(bias), relu)}  # noqa: E731
    return Case(f"shape {shape}, relu {relu}", run, wanted=wanted)


@CHECKS.add("add_bias_gradient", grid=BIASED)
def add_bias_gradient(draw: Draw, given: Any) -> Case:
    """Return dy as dx, with relu only where y is positive; dbias is the sum of dx along all axes but 1."""
    shape, relu = _choose_bias_case(draw, given)
    dy, y = draw_normal(draw, *shape), np.maximum(draw_normal(draw, *shape), 0.0)
    dx = np.where(y > 0, dy, 0.0) if relu else dy

    def run(arena: Arena) -> dict[str, Any]:
        dx, dbias = arena.backend.add_bias_gradient(arena.array(dy), arena.array(y), relu)
        return {"dx": dx, "dbias": dbias}

    wanted = {"dx": dx, "dbias": dx.sum(axis=(0, *range(2, dx.ndim)))}
    return Case(f"shape {shape}, relu {relu}", run, "gradient", wanted=wanted)


@CHECKS.add("one_hot", grid=[(4, 10), (1, 1), (5, 2), (2, 3, 4), (2, 3, 2, 3)])
def one_hot(draw: Draw, given: tuple[int, ...] | None) -> Case:
    """Zeros and a one along axis 1 at each label, in the dtype of the second argument; labels of -1 have none."""
    count, classes, *places = given or (draw.integer(1, 8), draw.integer(1, 12))
    labels = draw_generator(draw).integers(-1, classes, (count, *places))
    like = draw_normal(draw, count, classes, *places)
    ones = np.concatenate([np.eye(classes), np.zeros((1, classes))])[labels]
    run = lambda arena: {"rows": arena.backend.one_hot(arena.integers(labels), arena.array(like))}  # noqa: E731
    return Case(f"shape {like.shape}", run, "exact", wanted={"rows": np.moveaxis(ones, -1, 1)})


@CHECKS.add(
    "softmax_cross_entropy",
    grid=[
        (4, 10, 0.0, "labels", 1.0, False), (1, 2, 0.1, "labels", 1.0, False), (3, 5, 0.0, "rows", 1.0, False),
        (4, 3, 0.2, "rows", 100.0, True), (5, 4, 0.1, "some", 1.0, False), (5, 4, 0.0, "some", 1.0, True),
        (2, 3, 0.1, "none", 1.0, False),
    ],
)  # fmt: skip
def softmax_cross_entropy(draw: Draw, given: Any) -> Case:
    """The mean of log(sum of exp) - output, by labels or rows of targets; large outputs do not overflow.

    Of "some" labels the first is -1, of "none" all are: what they say is left out of the mean.
    """
    count, classes, smoothing, form, scale, weighted = given or (
        draw.integer(1, 6), draw.integer(2, 8), draw.choice((0.0, 0.1)), draw.choice(("labels", "rows", "some")),
        draw.choice((1e-3, 1.0, 100.0)), draw.choice((True, False)),
    )  # fmt: skip
    rng = draw_generator(draw)
    outputs, labels = draw_normal(draw, count, classes, scale=scale), rng.integers(0, classes, count)
    rows = np.eye(classes)[labels]
    if form == "rows":
        rows = np.round(rng.dirichlet(np.ones(classes), count) * 256) / 256
    labels[: {"some": 1, "none": count}.get(form, 0)] = -1
    counted = (labels >= 0)[:, None] / max((labels >= 0).sum(), 1)
    if form == "rows":
        counted = np.full((count, 1), 1 / count)
    weights = np.round(rng.uniform(0.5, 2, count) * 256) / 256 if weighted else np.ones(count)
    targets = rows * (1 - smoothing) + smoothing / classes
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    shares = counted * weights[:, None]

    def run(arena: Arena) -> dict[str, Any]:
        given = arena.array(rows) if form == "rows" else arena.integers(labels)
        extra = (arena.array(weights),) if weighted else ()
        loss, dy = arena.backend.softmax_cross_entropy(arena.array(outputs), given, smoothing, *extra)
        return {"loss": loss.reshape(()), "dy": dy}

    # Rows of targets need not sum to 1 after rounding; the gradient is that of rows that do.
    wanted = {"loss": np.array(-(targets * logs * shares).sum()), "dy": (np.exp(logs) - targets) * shares}
    label = f"({count}, {classes}), smoothing {smoothing}, {form}, outputs of {scale:g}, weights {weighted}"
    return Case(label, run, kinds={"dy": "gradient"}, wanted=wanted)


@CHECKS.add("drop_ignored", grid=[(3, 4), (2, 1, 3), (1, 2, 2, 2)])
def drop_ignored(draw: Draw, given: tuple[int, ...] | None) -> Case:
    """How many labels are not -1, at least 1, and zeros in the arrays where one is, also instead of infinities."""
    count, channels, *places = given or (draw.integer(1, 5), draw.integer(1, 4), *draw_sizes(draw, 1, 1, 3))
    labels = draw_generator(draw).integers(draw.choice((-1, 0)), 2, (count, *places))
    x, y = draw_normal(draw, count, channels, *places), draw_normal(draw, count, 1, *places)
    ignored = (labels < 0)[:, None]
    wild = np.where(ignored, np.inf, y)

    def run(arena: Arena) -> dict[str, Any]:
        results = arena.backend.drop_ignored(arena.integers(labels), arena.array(x), arena.array(wild))
        return dict(zip(("number", "x", "y"), (results[0].reshape(()), *results[1:]), strict=True))

    number = np.array(max((labels >= 0).sum(), 1), np.float64)
    wanted = {"number": number, "x": np.where(ignored, 0, x), "y": np.where(ignored, 0, y)}
    return Case(f"labels {labels.shape}, {(labels < 0).sum()} of them -1", run, "exact", wanted=wanted)


@CHECKS.add("constant", grid=[(3, 4), (1,)])
def constant(draw: Draw, given: tuple[int, ...] | None) -> Case:
    """The values of the host, in the dtype asked for, at the first and at later calls."""
    values = draw_normal(draw, *(given or draw_shape(draw)))

    def run(arena: Arena) -> dict[str, Any]:
        first = arena.backend.constant(values, arena.dtype)
        return {"first": first, "later": arena.backend.constant(values, arena.dtype)}

    return Case(f"shape {values.shape}", run, "exact", wanted={"first": values, "later": values})


@CHECKS.add("pack", grid=[((2, 3), (4,), (1, 1, 1, 1)), ((5,),)])
def pack(draw: Draw, shapes: Any) -> Case:
    """All values in one flat array that shares no memory with the arguments."""
    shapes = shapes or [draw_shape(draw) for _ in range(draw.integer(1, 4))]
    parts = [draw_normal(draw, *shape) for shape in shapes]
    run = lambda arena: {"flat": arena.backend.pack([arena.array(part) for part in parts])}  # noqa: E731
    return Case(f"shapes {shapes}", run, "exact", wanted={"flat": np.concatenate([part.ravel() for part in parts])})
