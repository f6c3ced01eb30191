"""Checks of elementwise functions. Errors are relative to each value: small ones must be as exact as large ones."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, Values, draw_generator, draw_normal, draw_shape, round_to_float32
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
ANY = (-30.0, -2.5, -1.0, -1e-6, 0.0, 1e-30, 1e-6, 0.5, 1.0, 3.0, 8.0, 80.0)
POINTS = {
    "exp": tuple(v for v in ANY if v < 80),
    "log": (1e-30, 1e-6, 0.5, 1.0, 2.0, 1e6, 1e30),
    "log1p": (-0.5, -1e-6, 0.0, 1e-30, 1e-7, 1.0, 1e6),
    "sqrt": (0.0, 1e-30, 1e-20, 0.25, 2.0, 1e10, 1e30),
    "tanh": ANY,
    "erf": ANY,
}
POSITIVE = ("log", "log1p", "sqrt")


def _add_check(name: str, function: Callable[[float], float]) -> None:
    @CHECKS.add(name, grid=[np.array(POINTS[name])])
    def check(draw: Draw, x: Values | None) -> Case:
        """Compare with the math module of Python, value by value."""
        if x is None:
            x = draw_normal(draw, *draw_shape(draw, 0), scale=draw.choice((1e-12, 1e-3, 1.0, 3.0)))
            x = np.abs(x) if name in POSITIVE else x
            x = x + (name == "log") * 1e-20
        x = round_to_float32(x)
        wanted = np.array([function(float(v)) for v in x.ravel()]).reshape(x.shape)
        run = lambda arena: {"y": getattr(arena.backend, name)(arena.array(x))}  # noqa: E731
        return Case(f"shape {x.shape}", run, wanted={"y": wanted}, relative=True)


for _name in POINTS:
    _add_check(_name, getattr(math, _name))


@CHECKS.add("power", grid=[0.0, 0.5, 0.75, -0.75, -1.0, 2.0, 3.0, 17.0])
def power(draw: Draw, exponent: float | None) -> Case:
    """Compare with the math module of Python, value by value; of negative values for whole exponents alone."""
    exponent = draw.choice((0.5, 0.75, -0.3, 1.7, -2.0, 3.0)) if exponent is None else exponent
    x = draw_normal(draw, *draw_shape(draw, 0), scale=draw.choice((0.1, 1.0, 3.0)))
    x = round_to_float32((x if exponent.is_integer() else np.abs(x)) + (x == 0))
    wanted = np.array([math.pow(v, exponent) for v in x.ravel().tolist()]).reshape(x.shape)
    run = lambda arena: {"y": arena.backend.power(arena.array(x), exponent)}  # noqa: E731
    return Case(f"exponent {exponent}, shape {x.shape}", run, wanted={"y": wanted}, relative=True)


@CHECKS.add("maximum", grid=["array", "number", "NaN"])
def maximum(draw: Draw, other: str | None) -> Case:
    """The larger of two values, or of a value and a number; NaN wins."""
    other = other or draw.choice(("array", "number"))
    shape = draw_shape(draw)
    x, y, number = draw_normal(draw, *shape), draw_normal(draw, *shape), draw.choice((-1.0, 0.0, 0.5))

    def run(arena: Arena) -> dict[str, Any]:
        if other == "NaN":
            host = arena.host(arena.backend.maximum(arena.array([math.nan, -1.0]), 0.0))
            return {"y": np.where(np.isnan(host), host.dtype.type(1), host)}
        return {"y": arena.backend.maximum(arena.array(x), arena.array(y) if other == "array" else number)}

    wanted = np.array([1.0, 0.0]) if other == "NaN" else np.maximum(x, y if other == "array" else number)
    return Case(f"with {other}, shape {shape}", run, "exact", wanted={"y": wanted})


@CHECKS.add("where", grid=["arrays", "number last", "number first"])
def where(draw: Draw, how: str | None) -> Case:
    """Take x where the condition holds, else y; numbers take the dtype of the array."""
    how = how or draw.choice(("arrays", "number last", "number first"))
    shape = draw_shape(draw)
    x, y, mask = draw_normal(draw, *shape), draw_normal(draw, *shape), draw_generator(draw).integers(0, 2, shape)

    def run(arena: Arena) -> dict[str, Any]:
        one = 9.0 if how == "number first" else arena.array(x)
        other = -9.0 if how == "number last" else arena.array(y)
        return {"y": arena.backend.where(arena.integers(mask) == 1, one, other)}

    one, other = (9.0 if how == "number first" else x), (-9.0 if how == "number last" else y)
    wanted = np.choose(mask, [np.broadcast_to(other, shape), np.broadcast_to(one, shape)])
    return Case(f"{how}, shape {shape}", run, "exact", wanted={"y": wanted})
