"""A step recorded as a program of NumPy calls, and replayed on memory that stays in place.

A `Tracer` runs the step once on `TracedArray`s, which pass each call to it, and records a `Program`. `replay.py` runs
the program, compares its first results with the step's own, and is what `CapturedStep` needs of NumPy.
"""
