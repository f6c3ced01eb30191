"""Numbers as text: the fewest digits that read back to the same bits, and reading them with one rounding."""
