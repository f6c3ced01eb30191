"""Layers whose value is a sum of input values, each times a factor: Dense, joins, and whatever else is linear."""

import math
from typing import Any

import numpy as np

from cnnkit.backends.registry import get_backend
from cnnkit.explanation.windows import add_up, describe_place
from cnnkit.explanation.worked import Floats, Index, Recorded, Window, Worked, WorkedStep, plain_window
from cnnkit.layers import Context, Dense
from cnnkit.layers.joining.arithmetic import Add, Average, Subtract


def work_dense(call: Recorded, index: Index, image: tuple[int, ...] | None = None) -> Worked:
    """y[o] = bias[o] + sum over i of weight[o, i] * x[i].

    image: (C, H, W) where x is a flattened image: then there is a window for each channel.
    """
    layer: Dense = call.layer
    unit, rows = (index[0], ()) if layer.axis == 1 else (index[-1], index[:-1])
    x, weight = call.x[rows], call.params["weight"][unit]
    if image is None or math.prod(image) != x.size:
        windows = [plain_window(f"all {x.size} inputs", x[None], weight[None])]
    else:
        channels = zip(x.reshape(image), weight.reshape(image), strict=True)
        windows = [
            Window(f"channel {c}", values, factors, np.ones(values.shape, bool), (0, 0), c, (1, 1))
            for c, (values, factors) in enumerate(channels)
        ]
    return add_up(windows, call.params, unit, "y = bias + the sum of x * weight over all inputs")


def work_join(call: Recorded, index: Index) -> Worked:
    """Y = what the layer makes of the values of all inputs at one place."""
    values = [float(x[tuple(min(i, n - 1) for i, n in zip(index, x.shape, strict=True))]) for x in call.xs]
    steps = [WorkedStep(*named) for named in zip(call.names, values, strict=True)]
    if isinstance(call.layer, Add | Average | Subtract):
        signs = [1.0, *([-1.0 if isinstance(call.layer, Subtract) else 1.0] * (len(values) - 1))]
        share = len(values) if isinstance(call.layer, Average) else 1
        result = math.fsum(s * v for s, v in zip(signs, values, strict=True)) / share
    else:
        result = float(run_layer(call)[0][index])
    magnitude = sum(map(abs, values)) + abs(result)
    return Worked(read_formula(call.layer), (), tuple(steps), result, magnitude, len(values) + 2)


def work_linear(call: Recorded, index: Index) -> Worked:
    """Y = the sum of x times factors: the gradient of y in x, which the layer's backward pass gives."""
    _, dx = run_layer(call, index)
    windows = []
    for channel, (values, factors) in enumerate(zip(call.x, dx[0], strict=True)):
        places = np.argwhere(factors)
        if len(places):
            first, last = places.min(0), places.max(0) + 1
            box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
            inside = np.ones(values[box].shape, bool)
            start = tuple(int(a) for a in first)
            windows.append(
                Window(f"channel {channel}", values[box], factors[box], inside, start, channel, (1,) * len(start))
            )
    params = call.params if "bias" in call.params else {}
    return add_up(windows, params, index[0], read_formula(call.layer))


def work_move(call: Recorded, index: Index) -> Worked:
    """Y = a value of the input, which stands elsewhere there."""
    numbers, first = [], 1
    for x in call.xs:
        numbers.append(np.arange(first, first + x.size, dtype=np.float64).reshape(x.shape))
        first += x.size
    source = float(run_layer(call._replace(xs=tuple(numbers)))[0][index])
    own = float(call.y[index])
    for name, x, marks in zip(call.names, call.xs, numbers, strict=True):
        found = np.argwhere(marks == source)
        if len(found) == 1 and x[tuple(found[0])] == own:
            place = [int(i) for i in found[0]]
            which = f"{name}, " if len(call.xs) > 1 else ""
            step = WorkedStep(f"{which}{describe_index(place)}", own)
            return Worked(read_formula(call.layer), (), (step,), own, abs(own), 1)
    result = float(run_layer(call)[0][index])
    return Worked(read_formula(call.layer), (), (WorkedStep("padding", result),), result, abs(result), 1)


def run_layer(call: Recorded, index: Index | None = None) -> tuple[Floats, Any]:
    """Return (y, dx) of the layer by the reference backend, in float64; dx where `index` names a value of y."""
    backend, whole = get_backend("reference"), call.layer.input_count == 1
    xs = tuple(backend.asarray(x[None], "float64") for x in call.xs)
    context = Context(backend)
    y, cache = call.layer.forward(context, call.params, call.state, xs[0] if whole else xs)
    if index is None:
        return np.asarray(y[0]), None
    dy = np.zeros(y.shape)
    dy[(0, *index)] = 1
    return np.asarray(y[0]), call.layer.backward(context, call.params, cache, backend.asarray(dy, "float64"))[0]


def read_formula(layer: Any) -> str:
    """Return what a layer of cnnkit computes: the first sentence of its description, or of that of its base."""
    for kind in type(layer).__mro__:
        text = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        if text.startswith("y"):
            return text.partition("; ")[0].partition(". ")[0].partition(", as torch")[0].removesuffix(".")
    return f"y = {layer.type}(x)"


def describe_index(index: list[int] | Index) -> str:
    """Return "channel 2, row 3, column 4" or "value 7"."""
    channel, *place = index
    if not place:
        return f"value {channel}"
    return f"channel {channel}, {describe_place(place)}" if len(place) <= 3 else f"index {list(index)}"
