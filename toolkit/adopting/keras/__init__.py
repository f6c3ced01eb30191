"""Keras models as networks of cnnkit's layers."""

from cnnkit.adopting.keras.adopt import adopt_keras

__all__ = ["adopt_keras"]
