"""Operations of TensorFlow between the layers of a functional model of tf.keras, as those of Keras 3."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cnnkit.adopting.keras import activations, operations
from cnnkit.adopting.keras.arguments import Arguments
from cnnkit.adopting.keras.joining import concatenate
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.operations import argument, first
from cnnkit.adopting.keras.resizing import move_depth, resize
from cnnkit.adopting.keras.values import Value
from cnnkit.exporters.core import strict_json
from cnnkit.files.names import printable

Handler = Callable[[LayerCall], Value | list[Value]]
# The last word of the function's name in lower case, or the operation's in a TensorFlow graph.
_SAME = {
    "add": "Add", "addv2": "Add", "sub": "Subtract", "subtract": "Subtract", "mul": "Multiply", "multiply": "Multiply",
    "divide": "Divide", "truediv": "Divide", "realdiv": "Divide", "div": "Divide", "maximum": "Maximum",
    "minimum": "Minimum", "neg": "Negative", "negative": "Negative", "abs": "Abs", "square": "Square", "sqrt": "Sqrt",
    "rsqrt": "Rsqrt", "log": "Log", "reciprocal": "Reciprocal", "pow": "Power", "clip_by_value": "Clip",
    "reduce_mean": "Mean", "mean": "Mean", "reduce_sum": "Sum", "sum": "Sum", "reduce_max": "Max", "max": "Max",
    "reduce_min": "Min", "min": "Min", "transpose": "Transpose", "reshape": "Reshape", "expand_dims": "ExpandDims",
    "expanddims": "ExpandDims", "squeeze": "Squeeze", "getitem": "GetItem", "split": "Split", "cast": "Cast",
    "relu": "Relu", "relu6": "Relu6", "sigmoid": "Sigmoid", "tanh": "Tanh", "swish": "Silu", "silu": "Silu",
    "exp": "Exp", "selu": "Selu", "softplus": "Softplus", "softsign": "Softsign", "leaky_relu": "LeakyRelu",
    "leakyrelu": "LeakyRelu", "elu": "Elu", "softmax": "Softmax",
}  # fmt: skip
_IDENTITIES = ("identity", "stop_gradient", "stopgradient")


def _convert_function(call: LayerCall) -> Value | list[Value]:
    """TFOpLambda and SlicingOpLambda: the name of a function of TensorFlow, with its arguments."""
    function = call.get("function")
    if not isinstance(function, str):
        raise call.expect("function", "a name", function)
    return _convert_operation(call, function)


def _convert_node(call: LayerCall) -> Value | list[Value]:
    """TensorFlowOpLayer: a node of a graph, of which some inputs are constants."""
    node = call.get("node_def")
    if isinstance(node, str):
        try:
            node = strict_json.loads(node.encode("utf-8", "surrogateescape"))
        except ValueError:
            raise call.refuse("node_def is not JSON", "refused") from None
    operation = node.get("op") if isinstance(node, dict) else None
    if not isinstance(operation, str):
        raise call.refuse("node_def names no operation", "refused")
    constants = call.get("constants", {})
    given = list(call.arguments.positional)
    if isinstance(constants, dict):
        for place in sorted(int(key) for key in constants if str(key).isdigit() and len(str(key)) < 3):
            given.insert(place, constants[str(place)])
    attributes = node.get("attr", {})
    keep = attributes.get("keep_dims", {}) if isinstance(attributes, dict) else {}
    keywords = {"keepdims": True} if isinstance(keep, dict) and keep.get("b") is True else {}
    return _convert_operation(replace(call, arguments=Arguments(tuple(given), keywords)), operation)


def _convert_operation(call: LayerCall, function: str) -> Value | list[Value]:
    word = function.rpartition(".")[2].lower()
    call.notes.append(printable(f"TensorFlow's {function}", 60))
    if word in _IDENTITIES:
        return first(call)
    if word in _OTHERS:
        return _OTHERS[word](call)
    handlers: Mapping[str, Handler] = {**activations.HANDLERS, **operations.HANDLERS}
    if word not in _SAME:
        raise call.refuse(f"{printable(function, 60)} is an operation that cnnkit has no layer for", "refused")
    kind = _SAME[word]
    fields = dict(call.arguments.keywords) if kind in ("LeakyRelu", "Elu", "Softmax") else {}
    arguments = call.arguments
    if kind in activations.HANDLERS:
        arguments = Arguments((first(call),))
        fields = {key: value for key, value in fields.items() if value is not None}
    return handlers[kind](replace(call, kind=kind, fields=fields, arguments=arguments))


def _convert_concat(call: LayerCall) -> Value:
    values = call.arguments.values
    constants = [given for given in call.arguments.positional if not isinstance(given, Value)]
    axis = call.arguments.keywords.get("axis", constants[-1] if constants else -1)
    if not values:
        raise call.refuse("expected tensors")
    return concatenate(call, values, call.as_axis("axis", axis, values[0].rank))


def _convert_resize(call: LayerCall) -> Value:
    size = argument(call, 1, "size")
    method: Any = argument(call, 2, "method", default="bilinear")
    if not isinstance(size, list) or len(size) != 2 or method not in ("bilinear", "nearest"):
        raise call.refuse("resizes in a way that is not supported")
    height, width = (call.as_integer("size", side) for side in size)
    inner = replace(call, arguments=Arguments((first(call),)), fields={})
    return resize(inner, (height, width), "linear" if method == "bilinear" else "nearest")


def _convert_depth(call: LayerCall, to_space: bool) -> Value:
    block = call.as_integer("block_size", argument(call, 1, "block_size"))
    return move_depth(replace(call, arguments=Arguments((first(call),)), fields={}), block, to_space)


_OTHERS: Mapping[str, Handler] = {
    "concat": _convert_concat,
    "concatv2": _convert_concat,
    "resize": _convert_resize,
    "depth_to_space": lambda call: _convert_depth(call, True),
    "space_to_depth": lambda call: _convert_depth(call, False),
}
HANDLERS: Mapping[str, Handler] = {
    "TFOpLambda": _convert_function,
    "SlicingOpLambda": _convert_function,
    "TensorFlowOpLayer": _convert_node,
}
