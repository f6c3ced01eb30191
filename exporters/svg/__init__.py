"""Format "svg": the network drawn, every value on hover, and all of it exactly in the file's data block."""
