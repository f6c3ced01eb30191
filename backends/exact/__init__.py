"""Exact numerics: sums and products whose bits do not depend on their order, so neither on library, threads or workers.

Factors are rounded to grids that make all products and partial sums of a float64 computation exact; then the plain
primitives of any backend give one result, which is rounded to float32.
"""
