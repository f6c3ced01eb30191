"""Mutants of small valid files: where they come from, how they are changed, and how each is tried."""
