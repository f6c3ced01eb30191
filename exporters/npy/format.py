"""Format "npy": one array in a file, as numpy.save writes it; read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.npy.reader import NAME, read_npy


class NpyFormat(Format):
    """Reads numbers, and the arrays in an array of objects, which is a pickle; nothing is unpickled."""

    name = NAME
    suffixes = (".npy",)
    priority = Priority.CATCH_ALL
    description = "one array by numpy.save"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether the file begins with NumPy's mark."""
        return head.startswith(b"\x93NUMPY")

    def read(self, path: Path) -> WeightFile:
        """Return the array as the one tensor "arr_0". Raises WeightFileError when it is damaged or not of numbers."""
        return read_npy(path)
