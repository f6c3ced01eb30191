"""The whole graph of an ONNX file beside its tensors: nodes, inputs, outputs, versions; nothing is executed."""

from cnnkit.exporters.onnx.network.file_network import AttributeValue, FileNetwork, FileNode, FileValue
from cnnkit.exporters.onnx.network.network_reader import read_network

__all__ = ["AttributeValue", "FileNetwork", "FileNode", "FileValue", "read_network"]
