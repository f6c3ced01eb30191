"""Writing files: whole or not at all, by one process at a time, nothing left behind."""
