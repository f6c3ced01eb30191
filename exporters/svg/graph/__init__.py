"""The overview of a Graph: its layers as boxes, joins as circles, every edge, and repeated blocks drawn once."""

from cnnkit.exporters.svg.graph.drawing import draw_graph
from cnnkit.exporters.svg.graph.links import find_links

__all__ = ["draw_graph", "find_links"]
