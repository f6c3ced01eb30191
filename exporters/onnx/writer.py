"""Writes a net as ONNX: the architecture as operations, the weights as initializers, cnnkit's data as a property."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core import strict_json
from cnnkit.exporters.core.architecture import require_layers, shapes_of
from cnnkit.exporters.core.claims import require_float_type, select_network_tensors
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.exporters.core.wiring import WiredValue, Wiring, number_names, wire
from cnnkit.exporters.onnx.graph_builder import INPUT, OUTPUT, GraphBuilder, NamedValue
from cnnkit.exporters.onnx.operators import add_network
from cnnkit.exporters.onnx.reader import PROPERTY
from cnnkit.exporters.onnx.wire_writer import Message
from cnnkit.files.names import printable

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
    dtype = _find_type(tensors)
    named = {tensor.name: tensor for tensor in tensors}
    if len(named) < len(tensors):
        raise ExportError("ONNX: a parameter and a state have the same name")
    require_layers(architecture)
    wiring = wire(architecture)
    graph = GraphBuilder(named, dtype)
    inputs = _name_inputs(architecture, wiring)
    results = add_network(graph, wiring, tuple(value.name for value in inputs))
    outputs = _name_outputs(wiring, inputs, results)
    model = Message().number(1, IR_VERSION).content(2, "cnnkit")
    model.message(7, graph.message(str(weights.metadata.get("recipe", "network")), inputs, outputs))
    model.message(8, Message().content(1, "").number(2, OPSET))
    model.message(14, Message().content(1, PROPERTY).content(2, _make_property(weights, tensors)))
    if model.size > _LIMIT:
        raise ExportError(f"ONNX holds 2 GiB in one file, these weights take {model.size} bytes")
    with path.open("wb") as stream:
        model.write(stream)


def _find_type(tensors: tuple[Tensor, ...]) -> str:
    """Return the type that the graph computes in: float32 for bfloat16 and for 16-bit weights beside float32."""
    dtypes = {tensor.dtype for tensor in tensors}
    if "bfloat16" in dtypes or dtypes == {"float16", "float32"}:
        dtypes -= {"bfloat16", "float16"}
        tensors = tuple(tensor for tensor in tensors if tensor.dtype in dtypes)
    return require_float_type(tensors, "ONNX")


def _name_inputs(architecture: Mapping[str, Any], wiring: Wiring) -> list[NamedValue]:
    """Return the inputs, named as in the network, of a sequence "input"."""
    shapes = shapes_of(architecture.get("input_shape"))
    names = wiring.inputs if wiring.output_names else number_names(INPUT, len(shapes))
    if len(shapes) != len(names):
        raise ExportError(f"architecture: input_shape: expected one for each of {len(names)} inputs, got {len(shapes)}")
    return [NamedValue(name, name, shape) for name, shape in zip(names, shapes, strict=True)]


def _name_outputs(wiring: Wiring, inputs: Sequence[NamedValue], results: Sequence[str]) -> list[NamedValue]:
    """Return the outputs, named as in the network, of a sequence "output"."""
    made = {layer.name: shapes_of(layer.fields.get("output_shape")) for layer in wiring.layers}
    made |= {value.name: (tuple(value.shape),) for value in inputs}
    sources = (
        wiring.outputs if wiring.output_names else [WiredValue(wiring.layers[-1].name, i) for i in range(len(results))]
    )
    names = wiring.output_names or number_names(OUTPUT, len(results))
    outputs = []
    for name, source, value in zip(names, sources, results, strict=True):
        shapes = made.get(source.name, ())
        if source.output >= len(shapes):
            raise ExportError(f"architecture: the output_shape of layer {printable(source.name)} is missing")
        taken = name in (value.name for value in inputs)
        outputs.append(NamedValue(f"{name}/{OUTPUT}" if taken else name, value, shapes[source.output]))
    return outputs


def _make_property(weights: WeightFile, tensors: tuple[Tensor, ...]) -> str:
    rows = [[t.name, t.layer, t.kind, t.role, list(t.axes)] for t in tensors]
    about: dict[str, Any] = {
        "version": 1, "tensors": rows, "architecture": weights.architecture, "metadata": weights.metadata,
    }  # fmt: skip
    return strict_json.dumps("metadata", about, ensure_ascii=True)
