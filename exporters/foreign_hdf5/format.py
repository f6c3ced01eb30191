"""Format "plain-hdf5": HDF5 of other programs, read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.foreign_hdf5.reader import NAME, read_plain_hdf5
from cnnkit.files.hdf5.mark import is_hdf5


class PlainHdf5Format(Format):
    """Tensors are named by their paths, and come in the order of the attribute `index` where data sets have one."""

    name = NAME
    suffixes = (".h5", ".hdf5")
    priority = Priority.CATCH_ALL
    description = "HDF5 of other programs: every numeric data set by its path"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Return whether it is HDF5; formats with layouts of their own are asked before."""
        return is_hdf5(head)

    def read(self, path: Path) -> WeightFile:
        """Return the numeric data sets. Raises WeightFileError when the file is damaged, or holds nothing at all."""
        return read_plain_hdf5(path)
