"""Convolution, pooling, matrix products and composites on NumPy arrays whose samples lie last in memory."""
