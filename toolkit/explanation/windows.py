"""Convolution and pooling: the window under one value."""

import math
from typing import Any

import numpy as np

from cnnkit.explanation.worked import Index, Recorded, Window, Worked, WorkedStep, cut_window
from cnnkit.layers.windows.average_pooling import AveragePooling
from cnnkit.layers.windows.convolution import Convolution
from cnnkit.layers.windows.global_pooling import GlobalPooling
from cnnkit.layers.windows.max_pooling import MaxPooling

_AXES = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}


def work_convolution(call: Recorded, index: Index) -> Worked:
    """y[o, p] = bias[o] + sum over i, a of weight[o, i, a] * x[i, p*stride + a*dilation - begin]."""
    layer: Convolution = call.layer
    stride, padding, dilation, groups = layer.geometry(call.x.shape)
    weight = call.params["weight"]
    unit, position = index[0], index[1:]
    start = [p * s - begin for p, s, (begin, _) in zip(position, stride, padding, strict=True)]
    channels = weight.shape[1]
    first = unit // (weight.shape[0] // groups) * channels
    windows = []
    for i in range(channels):
        values, inside = cut_window(call.x[first + i], start, weight.shape[2:], dilation)
        windows.append(Window(f"channel {first + i}", values, weight[unit, i], inside, start, first + i, dilation))
    return add_up(windows, call.params, unit, "y = bias + the sum of x * weight over the window and all channels")


def add_up(windows: list[Window], params: Any, unit: int, formula: str) -> Worked:
    """Return the sum of the products of windows, and of the bias of a unit where there is one."""
    products = [product for window in windows for product in window.products.ravel().tolist()]
    total = _sum(products)
    steps = [WorkedStep(f"sum of {len(products):,} products", total)]
    if "bias" in params:
        bias = float(params["bias"][unit])
        products.append(bias)
        steps.append(WorkedStep(f"bias[{unit}]", bias))
        total = _sum(products)
    magnitude = _sum([abs(product) for product in products])
    return Worked(formula, tuple(windows), tuple(steps), total, magnitude, len(products) + 2)


def work_max_pooling(call: Recorded, index: Index) -> Worked:
    """Y = the largest value of the window, padding left out."""
    layer: MaxPooling = call.layer
    how = layer.geometry(call.x.shape)
    start = [p * s - begin for p, s, (begin, _) in zip(index[1:], how.stride, how.padding, strict=True)]
    values, inside = cut_window(call.x[index[0]], start, how.window, how.dilation)
    window = Window(f"channel {index[0]}", values, None, inside, start, index[0], how.dilation)
    place = np.unravel_index(int(np.argmax(np.where(inside, values, -np.inf))), values.shape)
    where = [s + int(p) * d for s, p, d in zip(start, place, how.dilation, strict=True)]
    return _largest(window, float(values[place]), where, "y = the largest value of the window")


def work_average_pooling(call: Recorded, index: Index) -> Worked:
    """Y = the sum of the window / how many values count."""
    layer: AveragePooling = call.layer
    how = layer.geometry(call.x.shape)
    start = [p * s - begin for p, s, (begin, _) in zip(index[1:], how.stride, how.padding, strict=True)]
    values, inside = cut_window(call.x[index[0]], start, how.window, how.dilation)
    window = Window(f"channel {index[0]}", values, None, inside, start, index[0], how.dilation)
    padding = layer.counted_padding(call.x.shape)
    counted = [
        sum(-begin <= s + d * k < n + end for k in range(w))
        for s, d, w, n, (begin, end) in zip(start, how.dilation, how.window, call.x.shape[1:], padding, strict=True)
    ]
    return _mean(window, math.prod(counted))


def work_global_pooling(call: Recorded, index: Index) -> Worked:
    """Y = the mean, or the largest value, of the channel."""
    layer: GlobalPooling = call.layer
    channel = call.x[index[0]]
    window = Window(
        f"channel {index[0]}", channel, None, np.ones(channel.shape, bool), (0,) * channel.ndim, index[0],
        (1,) * channel.ndim,
    )  # fmt: skip
    if "Max" in layer.type:
        place = np.unravel_index(int(np.argmax(channel)), channel.shape)
        return _largest(window, float(channel[place]), [int(p) for p in place], "y = the largest value of the channel")
    return _mean(window, channel.size)


def describe_place(place: list[int] | tuple[int, ...]) -> str:
    """Return "row 3, column 4"."""
    return ", ".join(f"{axis} {number}" for axis, number in zip(_AXES[len(place)], place, strict=True))


def _largest(window: Window, value: float, where: list[int], formula: str) -> Worked:
    step = WorkedStep(f"largest of {int(window.inside.sum())} values, at {describe_place(where)}", value)
    return Worked(formula, (window,), (step,), value, abs(value), 1)


def _mean(window: Window, counted: int) -> Worked:
    values = window.values.ravel().tolist()
    total = _sum(values)
    steps = (WorkedStep(f"sum of {int(window.inside.sum()):,} values", total), WorkedStep("divided by", float(counted)))
    magnitude = _sum([abs(value) for value in values]) / counted
    return Worked("y = the mean of the window", (window,), steps, total / counted, magnitude, len(values) + 2)


def _sum(values: list[float]) -> float:
    """Return the sum, rounded once; of values that are not finite as NumPy has it."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return float(np.sum(values))
