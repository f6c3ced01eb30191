"""Conv and ConvTranspose over 1, 2 and 3 axes."""

from typing import Any

from cnnkit.adopting.onnx.operands import Flow, Known
from cnnkit.adopting.onnx.operation import Operation
from cnnkit.adopting.onnx.operators.conversion import Table
from cnnkit.adopting.onnx.operators.windows import WindowFields, read_window


def _read_weights(operation: Operation, x: Flow) -> tuple[dict[str, Known], int, tuple[int, ...]]:
    """Return (params, groups, window)."""
    weight, groups = operation.known(1), operation.integer("group", 1)
    if len(weight.shape) != x.rank or groups < 1:
        raise operation.refuse(f"weights of shape {weight.shape} and {groups} groups for samples of shape {x.shape}")
    params = {"weight": weight} | ({"bias": operation.known(2)} if operation.has(2) else {})
    return params, groups, weight.shape[2:]


def _simplify(fields: WindowFields, groups: int, params: dict[str, Known]) -> dict[str, Any]:
    more: dict[str, Any] = fields.simplify() | ({"groups": groups} if groups > 1 else {})
    return more if "bias" in params else more | {"bias": False}


def _convert_conv(operation: Operation) -> Flow:
    x = operation.flow()
    params, groups, window = _read_weights(operation, x)
    fields = read_window(operation, x, window)
    layer = f"Conv{x.rank - 2}D"
    return operation.make(layer, x, params, features=params["weight"].shape[0], **_simplify(fields, groups, params))


def _convert_transposed(operation: Operation) -> Flow:
    x = operation.flow()
    params, groups, window = _read_weights(operation, x)
    fields = read_window(operation, x, window)
    more = operation.integers("output_padding") or (0,) * len(window)
    wanted = operation.integers("output_shape")
    if wanted is not None or fields.padding in ("same", "same_lower"):
        fields, more = _place_output(operation, x, fields, more, wanted)
    if any(more):
        params_fields: dict[str, Any] = {"output_padding": more[0] if len(set(more)) == 1 else more}
    else:
        params_fields = {}
    features = params["weight"].shape[1] * groups
    params_fields |= _simplify(fields, groups, params)
    return operation.make(f"ConvTranspose{x.rank - 2}D", x, params, features=features, **params_fields)


def _place_output(
    operation: Operation, x: Flow, fields: WindowFields, more: tuple[int, ...], wanted: tuple[int, ...] | None
) -> tuple[WindowFields, tuple[int, ...]]:
    """Return the padding that gives outputs of the wanted shape, by default stride times as large as x."""
    rank = x.rank - 2
    extents = x.shape[1:]
    sizes = wanted or tuple(extent * stride for extent, stride in zip(extents, fields.stride, strict=True))
    sizes = sizes[-rank:]  # some files give the batch and the channels too
    if len(sizes) != rank or len(more) != rank:
        raise operation.refuse(f"output_shape {sizes} and output_padding {more} for {rank} axes")
    pairs, extra = [], []
    upper = operation.text("auto_pad", "NOTSET") == "SAME_UPPER"
    for axis in range(rank):
        full = fields.stride[axis] * (extents[axis] - 1) + fields.dilation[axis] * (fields.window[axis] - 1) + 1
        total = full + more[axis] - sizes[axis]
        small = max(total, 0) // 2
        large = max(total, 0) - small
        pairs.append((small, large) if upper else (large, small))
        extra.append(more[axis] + max(-total, 0))
    return fields._replace(padding=tuple(pairs)), tuple(extra)


CONVOLUTION_OPERATORS: Table = {"Conv": _convert_conv, "ConvTranspose": _convert_transposed}
