"""Marks of files that cnnkit does not read: what each file is, and what to type to get weights that are read."""
