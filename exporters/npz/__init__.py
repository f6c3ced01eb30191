"""Format "npz": a zip of NPY arrays, as numpy.savez writes it."""
