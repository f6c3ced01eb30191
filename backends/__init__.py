"""Backends: the protocol that layers are written against, and its implementations for NumPy, CuPy and PyTorch."""

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.backends.registry import available_backends, get_backend

__all__ = ["Array", "Backend", "Shape", "available_backends", "get_backend"]
