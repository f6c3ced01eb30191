"""Activations of Keras: as layers, as a field of other layers, and as operations."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnkit.adopting.keras.graph_builder import pack
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value, find_rows
from cnnkit.files.names import describe_value, printable
from cnnkit.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Clip,
    Exp,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Rescale,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
    ThresholdedReLU,
)

_PLAIN: Mapping[str, tuple[Layer, ...]] = {
    "linear": (),
    "relu": (ReLU(),),
    "relu6": (ReLU6(),),
    "sigmoid": (Sigmoid(),),
    "tanh": (Tanh(),),
    **dict.fromkeys(("silu", "swish"), (SiLU(),)),
    **dict.fromkeys(("hard_silu", "hard_swish", "hardswish"), (Hardswish(),)),
    "gelu": (GELU(),),
    "elu": (ELU(),),
    "selu": (SELU(),),
    "celu": (CELU(),),
    "softplus": (Softplus(),),
    "softsign": (Softsign(),),
    "mish": (Mish(),),
    "exponential": (Exp(),),
    "hard_tanh": (Clip(-1.0, 1.0),),
    "leaky_relu": (LeakyReLU(0.2),),
    "log_sigmoid": (Rescale(-1.0), Softplus(), Rescale(-1.0)),
}


def activate(call: LayerCall, x: Value, given: Any, part: bool = True) -> Value:
    """Return f(x) for an activation as a field has it: a name, or a table that names it.

    part: the nodes are named after layer and activation, else after the layer alone.
    """
    if isinstance(given, dict):
        inner = given.get("config")
        if given.get("class_name") == "function" or isinstance(inner, str):
            return activate(call, x, inner, part)
        kind = given.get("class_name")
        if isinstance(kind, str) and kind in _LAYERS:
            fields = inner if isinstance(inner, dict) else {}
            return _LAYERS[kind](call, x, fields, _suffix(kind.lower(), part))
        raise call.refuse(f"activation {describe_value(kind)} is none that cnnkit knows", "refused")
    if given is None:
        return x
    if given in ("softmax", "log_softmax"):
        return _soften(call, x, [-1], given == "log_softmax", _suffix(given, part))
    if given == "hard_sigmoid":
        # Keras 3 follows PyTorch; before, it was Theano's 0.2 x + 0.5.
        slope = 1 / 6 if call.version >= (3,) else 0.2
        return call.apply(Hardsigmoid(slope, 0.5), x, _suffix(given, part))
    if not isinstance(given, str) or given not in _PLAIN:
        shown = printable(given) if isinstance(given, str) else describe_value(given)
        raise call.refuse(f"activation {shown} is none that cnnkit knows", "refused")
    layers = _PLAIN[given]
    for i, layer in enumerate(layers):
        x = call.apply(layer, x, _suffix(f"{given}_{i}" if len(layers) > 1 else given, part))
    return x


def _suffix(name: str, part: bool) -> str:
    return name if part else ""


def _soften(call: LayerCall, x: Value, axes: list[Any], logarithm: bool, part: str) -> Value:
    found = sorted({x.find_axis(call.as_axis("axis", axis, x.rank)) for axis in axes})
    return call.apply((LogSoftmax if logarithm else Softmax)(tuple(found)), x, part)


def _convert_softmax(call: LayerCall, x: Value, fields: Mapping[str, Any], part: str) -> Value:
    axis = fields.get("axis", -1)
    return _soften(call, x, axis if isinstance(axis, list) else [axis], False, part)


def _convert_relu(call: LayerCall, x: Value, fields: Mapping[str, Any], part: str) -> Value:
    """max_value from there on, x from the threshold on, negative_slope * (x - threshold) below."""
    slope = call.as_number("negative_slope", fields.get("negative_slope") or 0.0)
    threshold = call.as_number("threshold", fields.get("threshold") or 0.0)
    given = fields.get("max_value")
    most = None if given is None else call.as_number("max_value", given)
    if threshold and slope:
        raise call.refuse("a threshold together with a negative_slope is not supported")
    if threshold:
        x = call.apply(call.build(ThresholdedReLU, threshold), x, part)
        return x if most is None else call.apply(Clip(high=most), x, f"{part}_limit".strip("_"))
    if slope:
        x = call.apply(call.build(LeakyReLU, slope), x, part)
        return x if most is None else call.apply(Clip(high=most), x, f"{part}_limit".strip("_"))
    layer = ReLU() if most is None else ReLU6() if most == 6 else call.build(Clip, 0.0, most)
    return call.apply(layer, x, part)


def _convert_leaky(call: LayerCall, x: Value, fields: Mapping[str, Any], part: str) -> Value:
    given = fields.get("negative_slope", fields.get("alpha"))
    default = 0.2 if call.kind == "LeakyRelu" else 0.3  # the operation, the layer
    slope = call.as_number("negative_slope", default if given is None else given)
    return call.apply(call.build(LeakyReLU, slope), x, part)


def _convert_elu(call: LayerCall, x: Value, fields: Mapping[str, Any], part: str) -> Value:
    given = fields.get("alpha")
    return call.apply(call.build(ELU, call.as_number("alpha", 1.0 if given is None else given)), x, part)


def _convert_thresholded(call: LayerCall, x: Value, fields: Mapping[str, Any], part: str) -> Value:
    given = fields.get("theta")
    return call.apply(call.build(ThresholdedReLU, call.as_number("theta", 1.0 if given is None else given)), x, part)


_LAYERS: Mapping[str, Callable[[LayerCall, Value, Mapping[str, Any], str], Value]] = {
    "ReLU": _convert_relu,
    "LeakyReLU": _convert_leaky,
    "LeakyRelu": _convert_leaky,
    "ELU": _convert_elu,
    "Elu": _convert_elu,
    "Softmax": _convert_softmax,
    "ThresholdedReLU": _convert_thresholded,
}


def _convert_field(call: LayerCall) -> Value:
    return activate(call, call.x, call.get("activation"), part=False)


def _convert_layer(call: LayerCall) -> Value:
    return _LAYERS[call.kind](call, call.x, call.fields, "")


def _convert_prelu(call: LayerCall) -> Value:
    """Alpha has a slope for each value of a sample, or one along the shared axes."""
    x = call.x
    given = call.get("shared_axes", [])
    listed = given if isinstance(given, list) else [given]
    shared = {call.as_axis("shared_axes", axis, x.rank) for axis in listed}
    shape = tuple(1 if axis in shared else size for axis, size in enumerate(x.shape))
    alpha = call.take({"alpha": shape})["alpha"]
    alpha = alpha.transpose(x.order) if shared or x.rank > 1 else alpha[find_rows(x)]
    axes = tuple(axis for axis, of_keras in enumerate(x.order) if of_keras not in shared)
    weight = np.ascontiguousarray(alpha).reshape([alpha.shape[axis] for axis in axes] or [1])
    y = call.emit(PReLU(tuple(axis + 1 for axis in axes)), x, variables=pack({"weight": weight}), order=x.order)
    return Value(y.ref, y.shape, y.order, x.blocks)


def _convert_gelu(call: LayerCall) -> Value:
    exact = not call.flag("approximate", True)
    return call.apply(GELU("none" if exact else "tanh"), call.x)


def _convert_log_softmax(call: LayerCall) -> Value:
    return _soften(call, call.x, [call.get("axis", -1)], True, "")


def _convert_named(name: str) -> Callable[[LayerCall], Value]:
    def convert(call: LayerCall) -> Value:
        return activate(call, call.x, name, part=False)

    return convert


HANDLERS: Mapping[str, Callable[[LayerCall], Value]] = {
    "Activation": _convert_field,
    "PReLU": _convert_prelu,
    "Gelu": _convert_gelu,
    "LogSoftmax": _convert_log_softmax,
    **dict.fromkeys(_LAYERS, _convert_layer),
    **{
        kind: _convert_named(name)
        for kind, name in {
            "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "silu",
            "HardSilu": "hard_silu", "HardSigmoid": "hard_sigmoid", "HardTanh": "hard_tanh", "Selu": "selu",
            "Celu": "celu", "Softplus": "softplus", "Softsign": "softsign", "Exp": "exponential",
            "LogSigmoid": "log_sigmoid", "Swish": "swish", "Mish": "mish",
        }.items()
    },
}  # fmt: skip
