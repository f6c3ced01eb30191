"""Checks of arrays in and out. All other checks use `asarray` and `to_numpy`, so these come first."""

import numpy as np

from cnnkit.parity.check import Arena, Case
from cnnkit.parity.draw import Draw, draw_normal, draw_shape
from cnnkit.parity.primitives.registering import Checks

CHECKS = Checks()
LAYOUTS = ("contiguous", "reversed", "transposed", "broadcast", "every second", "read-only")


@CHECKS.add("to_numpy", grid=[1, 5])
def to_numpy(draw: Draw, count: int | None) -> Case:
    """0, 1, ... on the device are converted to numpy.ndarray."""
    count = count or draw.integer(1, 40)

    def run(arena: Arena) -> dict[str, np.ndarray]:
        host = arena.backend.to_numpy(arena.backend.arange(count))
        zero = arena.backend.to_numpy(arena.backend.zeros((2, 0, 3), arena.dtype))
        return {"values": host, "type": np.array(type(host) is type(zero) is np.ndarray), "shape": np.array(zero.shape)}

    wanted = {"values": np.arange(count), "type": np.array(True), "shape": np.array([2, 0, 3])}
    return Case(f"count {count}", run, "exact", wanted=wanted, dtype=None)


@CHECKS.add("asarray", grid=[((2, 3), layout) for layout in LAYOUTS] + [((), LAYOUTS[0]), ((0, 3), LAYOUTS[0])])
def asarray(draw: Draw, arguments: tuple[tuple[int, ...], str] | None) -> Case:
    """Host values of any memory layout, and arrays of the backend, keep their values."""
    shape, layout = arguments or (draw_shape(draw), draw.choice(LAYOUTS))
    x = draw_normal(draw, *shape)
    if layout == "broadcast":
        x = np.broadcast_to(x, (3, *x.shape))
    elif x.ndim:
        x = {"reversed": x[..., ::-1], "transposed": x.T, "every second": x[::2]}.get(layout, x)
    if layout == "read-only":
        x.flags.writeable = False

    def run(arena: Arena) -> dict[str, object]:
        array = arena.backend.asarray(x, arena.dtype)
        return {"values": array, "from_backend": arena.backend.asarray(array, arena.dtype)}

    return Case(f"shape {x.shape}, {layout}", run, "exact", wanted={"values": x, "from_backend": x})


@CHECKS.add("zeros", grid=[(), (3,), (2, 0), (2, 3, 4, 5)])
def zeros(draw: Draw, shape: tuple[int, ...] | None) -> Case:
    """0 everywhere."""
    shape = draw_shape(draw) if shape is None else shape
    run = lambda arena: {"y": arena.backend.zeros(shape, arena.dtype)}  # noqa: E731
    return Case(f"shape {shape}", run, "exact", wanted={"y": np.zeros(shape)})


@CHECKS.add("arange", grid=[0, 1, 10])
def arange(draw: Draw, count: int | None) -> Case:
    """0, 1, ..., count - 1 in int64."""
    count = draw.integer(0, 300) if count is None else count
    run = lambda arena: {"y": arena.backend.arange(count)}  # noqa: E731
    return Case(f"count {count}", run, "exact", wanted={"y": np.arange(count)}, dtype="int64")
