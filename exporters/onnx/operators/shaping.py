"""Layers that move, cut, pad or reduce values as ONNX operations."""

import math
from typing import Any

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.core.sides import read_sides
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator
from cnnkit.exporters.onnx.operators.resampling import add_upsample

_BEGINNING = -(2**63 - 1)  # as the end of a slice that goes backwards


def _add_flatten(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    if layer.get("start", 1) != 1:
        return _add_reshape(graph, layer, x)
    return graph.node("Flatten", layer["path"], [x], axis=1)


def _add_reshape(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return _reshape(graph, layer, x, layer["output_shape"])


def _reshape(graph: GraphBuilder, layer: LayerFields, x: str, shape: Any, part: str = "") -> str:
    """Append a Reshape to `shape`, of a sample."""
    name = f"{layer['path']}/{part}shape"
    values = graph.constant(name, [0, *shape], "int64")  # 0: N, as in the input
    return graph.node("Reshape", layer["path"], [x, values], f"{part}Reshape")


def _add_transpose(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("Transpose", layer["path"], [x], perm=list(layer["axes"]))


def _exchange(graph: GraphBuilder, layer: LayerFields, x: str, split: Any, order: Any) -> str:
    """Append what splits axes, brings them into another order and joins them to the layer's output shape."""
    x = _reshape(graph, layer, x, split, "split/")
    x = graph.node("Transpose", layer["path"], [x], perm=list(order))
    return _reshape(graph, layer, x, layer["output_shape"], "joined/")


def _add_channel_shuffle(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    channels, *rest = layer["input_shape"]
    groups = layer["groups"]
    split = (groups, channels // groups, *rest)
    return _exchange(graph, layer, x, split, (0, 2, 1, *range(3, len(split) + 1)))


def _add_depth_to_space(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    return graph.node("DepthToSpace", layer["path"], [x], blocksize=layer["block"], mode=layer.get("mode", "DCR"))


def _add_space_to_depth(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    block, (channels, height, width) = layer["block"], layer["input_shape"]
    if layer.get("mode", "DCR") == "DCR":
        return graph.node("SpaceToDepth", layer["path"], [x], blocksize=block)
    split = (channels, height // block, block, width // block, block)
    return _exchange(graph, layer, x, split, (0, 1, 3, 5, 2, 4))


def _slice(graph: GraphBuilder, layer: LayerFields, x: str, cuts: list[tuple[int, int, int, int]]) -> str:
    """Append a Slice. cuts: (axis, start, stop, step) each."""
    parts = zip(("axes", "starts", "ends", "steps"), zip(*cuts, strict=True), strict=True)
    given = {part: graph.constant(f"{layer['path']}/{part}", values, "int64") for part, values in parts}
    return graph.node("Slice", layer["path"], [x, given["starts"], given["ends"], given["axes"], given["steps"]])


def _add_slice(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    axis, step = layer["axis"], layer.get("step", 1)
    asked = slice(layer.get("start", 0), layer.get("stop"), step)
    places = range(*asked.indices(layer["input_shape"][axis - 1]))
    return _slice(graph, layer, x, [(axis, places.start, places.stop if places.stop >= 0 else _BEGINNING, step)])


def _add_crop(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    sides = read_sides(layer["cropping"], layer["input_shape"])
    lengths = enumerate(zip(layer["input_shape"], sides, strict=True), 1)
    cuts = [(axis, begin, length - end, 1) for axis, (length, (begin, end)) in lengths if begin or end]
    return _slice(graph, layer, x, cuts) if cuts else x


def _add_pad(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, mode = layer["path"], layer.get("mode", "constant")
    sides = read_sides(layer["padding"], layer["input_shape"])
    if mode == "wrap":  # Pad has it from opset 19 on
        return _add_wrap(graph, layer, x, sides)
    pads = [0, *(begin for begin, _ in sides), 0, *(end for _, end in sides)]
    inputs = [x, graph.constant(f"{path}/pads", pads, "int64")]
    if mode == "constant":
        inputs.append(graph.constant(f"{path}/value", layer.get("value", 0.0)))
    return graph.node("Pad", path, inputs, mode=mode)


def _add_wrap(graph: GraphBuilder, layer: LayerFields, x: str, sides: Any) -> str:
    for axis, (length, (begin, end)) in enumerate(zip(layer["input_shape"], sides, strict=True), 1):
        if begin or end:
            source = [place % length for place in range(-begin, length + end)]
            places = graph.constant(f"{layer['path']}/source/{axis}", source, "int64")
            x = graph.node("Gather", layer["path"], [x, places], f"Gather/{axis}", axis=axis)
    return x


def _add_reduce(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, axes, keep = layer["path"], sorted(layer["axes"]), int(layer.get("keepdims", True))
    if layer["kind"] == "sum":  # its axes are an input in opset 17, those of the others an attribute
        return graph.node("ReduceSum", path, [x, graph.constant(f"{path}/axes", axes, "int64")], keepdims=keep)
    return graph.node(_REDUCTIONS[layer["kind"]], path, [x], axes=axes, keepdims=keep)


_REDUCTIONS = {
    "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd",
    "l1": "ReduceL1", "l2": "ReduceL2",
}  # fmt: skip


def _add_rescale(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path = layer["path"]
    factor = graph.constant(f"{path}/factor", layer.get("factor", 1.0))
    shift = graph.constant(f"{path}/shift", layer.get("shift", 0.0))
    return graph.node("Add", path, [graph.node("Mul", path, [x, factor]), shift])


def _add_scale(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, axes = layer["path"], tuple(layer.get("axes", (1,)))
    lengths = layer["input_shape"]
    own = tuple(lengths[axis - 1] for axis in axes) or (1,)
    spread = [length if axis in axes else 1 for axis, length in enumerate(lengths, 1)]
    for name, used, op in (("weight", layer.get("scale", True), "Mul"), ("bias", layer.get("shift", True), "Add")):
        if used:
            values = graph.weight(path, name, own)
            if math.prod(own) > 1 or len(lengths) > 1:
                shape = graph.constant(f"{path}/{name}/shape", spread, "int64")
                values = graph.node("Reshape", path, [values, shape], f"{name}/Reshape")
            x = graph.node(op, path, [x, values])
    return x


SHAPING: dict[str, Operator] = {
    "Flatten": _add_flatten, "Reshape": _add_reshape, "Transpose": _add_transpose,
    "ChannelShuffle": _add_channel_shuffle, "Slice": _add_slice, "Crop": _add_crop, "Pad": _add_pad,
    "Upsample": add_upsample, "DepthToSpace": _add_depth_to_space, "SpaceToDepth": _add_space_to_depth,
    "Reduce": _add_reduce, "Rescale": _add_rescale, "Scale": _add_scale,
}  # fmt: skip
