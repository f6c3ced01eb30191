"""Threads of the NumPy backend: work in a pool where that is faster, and BLAS limited to one thread."""
