"""A step recorded as a program of NumPy calls, and replayed on memory that stays in place."""
