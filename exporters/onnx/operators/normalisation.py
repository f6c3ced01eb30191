"""Normalising layers as ONNX operations."""

from cnnkit.exporters.core.architecture import LayerFields
from cnnkit.exporters.onnx.graph_builder import GraphBuilder
from cnnkit.exporters.onnx.operators.operator import Operator


def _add_batch_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, channels = layer["path"], (layer["input_shape"][0],)
    inputs = [graph.weight(path, name, channels) for name in ("gamma", "beta", "mean", "variance")]
    return graph.node("BatchNormalization", path, [x, *inputs], epsilon=float(layer.get("epsilon", 1e-5)))


def _add_layer_norm(graph: GraphBuilder, layer: LayerFields, x: str) -> str:
    path, shape = layer["path"], layer["input_shape"]
    inputs = [graph.weight(path, name, shape) for name in ("gamma", "beta")]
    epsilon = float(layer.get("epsilon", 1e-5))
    return graph.node("LayerNormalization", path, [x, *inputs], axis=1, epsilon=epsilon)


NORMALISATION: dict[str, Operator] = {"BatchNorm": _add_batch_norm, "LayerNorm": _add_layer_norm}
