"""The array code on NumPy: images with their samples last, products as BLAS likes them, steps recorded on tapes."""
