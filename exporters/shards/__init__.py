"""Weights in several files, the shards, that an index beside them maps names to: read and written as one."""
