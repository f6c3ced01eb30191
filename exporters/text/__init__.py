"""Format "txt": every number of a net, in a text that people, five-line scripts and `git diff` can read."""
