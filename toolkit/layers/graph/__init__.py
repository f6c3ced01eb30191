"""Graph: a network of named layers, with several inputs and outputs, joins and shared weights."""

from cnnkit.layers.graph.graph import Graph
from cnnkit.layers.graph.node import Node

__all__ = ["Graph", "Node"]
