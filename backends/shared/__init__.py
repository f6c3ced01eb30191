"""The array code that NumPy and CuPy share: each function takes the array module as `xp`."""
