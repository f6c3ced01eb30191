"""Layers of several inputs, the joins of a Graph."""
