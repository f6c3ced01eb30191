"""Keras models as networks of cnnkit's layers."""
