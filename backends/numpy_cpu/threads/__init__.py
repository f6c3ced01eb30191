"""Threads of the NumPy backend: work shared out over them where that is quicker, BLAS kept to one."""
