"""The reference backend: every primitive as its definition reads, in float64.

It is the oracle of the parity suite. It is slow, is verified by reading it, and shares no code with the other backends,
so that it can detect their mistakes.
"""
