"""Writes a net as ONNX: the architecture as operations, the weights as initializers, cnnkit's data as a property."""

from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.architecture import require_layers, shape_of
from cnnkit.exporters.core.claims import require_float_type, select_network_tensors
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.onnx.graph_builder import INPUT, GraphBuilder
from cnnkit.exporters.onnx.operators import add_operations
from cnnkit.exporters.onnx.reader import PROPERTY
from cnnkit.exporters.onnx.wire_writer import Message

IR_VERSION, OPSET = 8, 17
_LIMIT = (1 << 31) - 1


def write_onnx(weights: WeightFile, path: Path) -> None:
    """Write `weights` to `path`; the same weights give the same bytes.

    Raises ExportError without an architecture, for a layer without operations, and above 2 GiB.
    """
    tensors = select_network_tensors(weights)
    architecture = weights.architecture
    if architecture is None:
        raise ExportError("ONNX is a network, not only weights: these weights come without an architecture")
    dtype = require_float_type(tensors, "ONNX")
    named = {tensor.name: tensor for tensor in tensors}
    if len(named) < len(tensors):
        raise ExportError("ONNX: a parameter and a state have the same name")
    layers = require_layers(architecture)
    shape, result_shape = shape_of(architecture.get("input_shape")), shape_of(layers[-1].get("output_shape"))
    if shape is None or result_shape is None:
        raise ExportError("architecture: input_shape or the last output_shape is missing")
    graph, x = GraphBuilder(named, dtype), INPUT
    for layer in layers:
        x = add_operations(graph, layer, x)
    model = Message().number(1, IR_VERSION).content(2, "cnnkit")
    model.message(7, graph.message(str(weights.metadata.get("recipe", "network")), shape, result_shape, x))
    model.message(8, Message().content(1, "").number(2, OPSET))
    model.message(14, Message().content(1, PROPERTY).content(2, _make_property(weights, tensors)))
    if model.size > _LIMIT:
        raise ExportError(f"ONNX holds 2 GiB in one file, these weights take {model.size} bytes")
    with path.open("wb") as stream:
        model.write(stream)


def _make_property(weights: WeightFile, tensors: tuple[Tensor, ...]) -> str:
    rows = [[t.name, t.layer, t.kind, t.role, list(t.axes)] for t in tensors]
    about: dict[str, Any] = {
        "version": 1, "tensors": rows, "architecture": weights.architecture, "metadata": weights.metadata,
    }  # fmt: skip
    return strict_json.dumps("metadata", about, ensure_ascii=True)
