"""Starts the process that reads HDF5 while this one still imports, for a command that will need it."""

import os
from collections.abc import Sequence

from cnnkit.files.hdf5.mark import find_hdf5

_DEFAULT = "weights.h5"
_WITHOUT_FILES = ("backends", "formats", "gradcheck", "recipes")


def prepare_command(name: str, arguments: Sequence[str]) -> None:
    """Start the process where an argument is an HDF5 file; where none is a file, so is the one that need not be named.

    A training reads back what it saves.
    """
    values = (argument.partition("=")[2] if argument.startswith("--") else argument for argument in arguments)
    named = [value for value in values if os.path.isfile(value)]
    help_only = any(argument in ("--help", "-h") for argument in arguments)
    if name in _WITHOUT_FILES or help_only:
        return
    if name == "train" or find_hdf5(named or [_DEFAULT]) is not None:
        from cnnkit.files.hdf5.request import prepare_reading

        prepare_reading()
