"""ONNX graphs as networks of cnnkit's layers."""

from cnnkit.adopting.onnx.adopting import adopt_onnx

__all__ = ["adopt_onnx"]
