"""Trainings whose bits must be the same everywhere, and the table of their hashes; the long form: `make exact`."""
