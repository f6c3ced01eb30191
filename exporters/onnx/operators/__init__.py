"""Each layer of an architecture as ONNX operations."""

from cnnkit.exporters.onnx.operators.writing import OPERATORS, add_network

__all__ = ["OPERATORS", "add_network"]
