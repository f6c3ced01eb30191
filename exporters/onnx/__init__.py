"""Format "onnx": networks of ONNX, read without executing anything, and written for any runtime."""
