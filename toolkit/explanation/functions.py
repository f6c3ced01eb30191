"""Layers that compute a value from one value, or normalise it: activations, BatchNorm, softmax."""

import math

import numpy as np

from cnnkit.explanation.sums import describe_index, read_formula, run_layer
from cnnkit.explanation.worked import Index, Recorded, Worked, WorkedStep, plain_window
from cnnkit.layers import BatchNorm, Softmax
from cnnkit.layers.axes import resolve_axes

_ROUNDINGS = 16  # of an activation: exp, tanh and their like, and what is done with them


def work_function(call: Recorded, index: Index) -> Worked:
    """Y = f(x), by the reference backend; x is shown where it stands at the same place."""
    result = float(run_layer(call)[0][index])
    steps, magnitude = [], 1 + abs(result)
    if call.x.shape == call.y.shape:
        x = float(call.x[index])
        steps.append(WorkedStep("x", x))
        magnitude += abs(x)
    return Worked(read_formula(call.layer), (), tuple(steps), result, magnitude, _ROUNDINGS)


def work_batch_norm(call: Recorded, index: Index) -> Worked:
    """Y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, of the channel."""
    layer: BatchNorm = call.layer
    channel, x = index[0], float(call.x[index])
    mean, variance = (float(call.state[name][channel]) for name in ("mean", "variance"))
    gamma = float(call.params["gamma"][channel]) if layer.scale else 1.0
    beta = float(call.params["beta"][channel]) if layer.shift else 0.0
    deviation = math.sqrt(variance + layer.epsilon)
    normalised = (x - mean) / deviation
    steps = [
        WorkedStep("x", x),
        WorkedStep(f"mean[{channel}]", mean),
        WorkedStep(f"sqrt(variance[{channel}] + epsilon)", deviation),
        WorkedStep("(x - mean) / sqrt(variance + epsilon)", normalised),
    ]
    steps += [WorkedStep(f"gamma[{channel}]", gamma)] if layer.scale else []
    steps += [WorkedStep(f"beta[{channel}]", beta)] if layer.shift else []
    magnitude = (abs(x) + abs(mean)) / deviation * abs(gamma) + abs(beta)
    formula = "y = gamma * (x - mean) / sqrt(variance + epsilon) + beta"
    return Worked(formula, (), tuple(steps), normalised * gamma + beta, magnitude, 8)


def work_softmax(call: Recorded, index: Index) -> Worked:
    """y[k] = exp(x[k] - largest) / sum over j of exp(x[j] - largest)."""
    layer: Softmax = call.layer
    axes = [axis - 1 for axis in resolve_axes(layer, layer.axes, call.x.shape)]
    along = tuple(slice(None) if axis in axes else i for axis, i in enumerate(index))
    row, x = call.x[along], float(call.x[index])
    largest = float(row.max())
    powers = np.exp(row - largest)
    total, power = math.fsum(powers.ravel().tolist()), math.exp(x - largest)
    steps = (
        WorkedStep("x[k]", x),
        WorkedStep(f"largest of {row.size} values", largest),
        WorkedStep("exp(x[k] - largest)", power),
        WorkedStep(f"sum of {row.size} such powers", total),
    )
    window = plain_window(f"x[k] is {describe_index(index)}", np.atleast_2d(row))
    result = power / total
    magnitude = result * (2 + abs(x - largest))
    return Worked(
        "y[k] = exp(x[k]) / sum over j of exp(x[j])", (window,), steps, result, magnitude, _ROUNDINGS + row.size
    )
