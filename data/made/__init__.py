"""Data sets that are computed: pure functions of a seed, the same bits on every machine."""
