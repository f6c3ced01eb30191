"""Normalisations with constant scales."""

from typing import Any

import numpy as np

from cnnkit.adopting.onnx.affine import rescale
from cnnkit.adopting.onnx.operands import Flow, Known
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Result, Table


def _convert_batch_norm(operation: Operation) -> Flow:
    x = operation.flow()
    if operation.integer("training_mode") or any(operation.read_result(index) for index in range(1, 5)):
        raise operation.refuse("computes the statistics of its batch (exported for training): export it for inference")
    if operation.version < 9 and not operation.integer("spatial", 1):
        raise operation.refuse("has a statistic for every value (spatial=0), where cnnkit has one for each channel")
    gamma, beta, mean, variance = (operation.known(index) for index in range(1, 5))
    momentum = 1 - operation.real("momentum", 0.9)
    fields: dict[str, Any] = {"epsilon": operation.real("epsilon", 1e-5), "momentum": float(f"{momentum:.7g}")}
    return operation.make(
        "BatchNorm", x, {"gamma": gamma, "beta": beta}, {"mean": mean, "variance": variance}, **fields
    )


def _convert_instance_norm(operation: Operation) -> Flow:
    params = {"gamma": operation.known(1), "beta": operation.known(2)}
    return operation.make("InstanceNorm", operation.flow(), params, epsilon=operation.real("epsilon", 1e-5))


def _convert_group_norm(operation: Operation) -> Flow:
    x, groups = operation.flow(), operation.integer("num_groups", 0)
    params = {"gamma": operation.known(1), "beta": operation.known(2)}
    if groups < 1:
        raise operation.refuse(f"num_groups: expected a whole number >= 1, got {groups}")
    if operation.version < 21:  # one scale for each group
        channels, each = x.shape[0], x.shape[0] // groups
        params = {
            name: known.change("for channels", (channels,), lambda values: np.repeat(values, each))
            for name, known in params.items()
            if known.shape == (groups,) and channels % groups == 0
        }
    if len(params) < 2:
        raise operation.refuse(f"scale and bias: expected shape ({groups},), one number for each group")
    return operation.make("GroupNorm", x, params, groups=groups, epsilon=operation.real("epsilon", 1e-5))


def _convert_layer_norm(operation: Operation) -> Result:
    x = operation.flow()
    axes = _last_axes(operation, x)
    params = {"gamma": _fit(operation.known(1), x, axes)}
    if operation.has(2):
        params["beta"] = _fit(operation.known(2), x, axes)
    more: dict[str, Any] = {} if operation.has(2) else {"shift": False}
    epsilon = operation.real("epsilon", 1e-5)
    y = operation.make("LayerNorm", x, params, epsilon=epsilon, **_name_axes(axes, x), **more)
    if not (operation.read_result(1) or operation.read_result(2)):
        return y
    mean = operation.make("Reduce", x, kind="mean", axes=axes, keepdims=True)
    squares = operation.make("Square", operation.make("Subtract", (x, mean)))
    variance = operation.make("Reduce", squares, kind="mean", axes=axes, keepdims=True)
    deviation = operation.make("Sqrt", rescale(operation, variance, shift=epsilon))
    return y, mean, operation.make("Reciprocal", deviation)


def _convert_rms_norm(operation: Operation) -> Flow:
    x = operation.flow()
    axes = _last_axes(operation, x)
    params = {"gamma": _fit(operation.known(1), x, axes)}
    return operation.make("RMSNorm", x, params, epsilon=operation.real("epsilon", 1e-5), axes=axes)


def _last_axes(operation: Operation, x: Flow) -> tuple[int, ...]:
    return operation.axes(range(operation.axis(operation.integer("axis", -1), x.rank), x.rank), x.rank)


def _name_axes(axes: tuple[int, ...], x: Flow) -> dict[str, Any]:
    return {} if axes == tuple(range(1, x.rank)) else {"axes": axes}


def _fit(known: Known, x: Flow, axes: tuple[int, ...]) -> Known:
    """Return a constant in the shape of these axes of x, to which ONNX broadcasts it."""
    shape = tuple(x.shape[axis - 1] for axis in axes)
    if known.shape == shape or np.prod(known.shape, dtype=object) not in (1, np.prod(shape, dtype=object)):
        return known
    return known.change(f"as {shape}", shape, lambda v: np.broadcast_to(v.reshape(v.shape[-len(shape) :]), shape))


def _convert_lrn(operation: Operation) -> Flow:
    if operation.integer("size") % 2 == 0:
        raise operation.refuse("an even size, whose longer half cnnkit has on the other side")
    fields: dict[str, Any] = {"alpha": operation.real("alpha", 1e-4), "beta": operation.real("beta", 0.75)}
    return operation.make(
        "LRN", operation.flow(), size=operation.integer("size"), bias=operation.real("bias", 1.0), **fields
    )


NORMALISATION_OPERATORS: Table = {
    "BatchNormalization": _convert_batch_norm,
    "GroupNormalization": _convert_group_norm,
    "InstanceNormalization": _convert_instance_norm,
    "LRN": _convert_lrn,
    "LayerNormalization": _convert_layer_norm,
    "RMSNormalization": _convert_rms_norm,
}
