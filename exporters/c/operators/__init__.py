"""Layers as C, a file for each kind."""

from cnnkit.exporters.c.operators.writing import OPERATORS, add_network

__all__ = ["OPERATORS", "add_network"]
