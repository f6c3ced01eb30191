"""ONNX graphs as networks of cnnkit's layers."""
