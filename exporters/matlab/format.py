"""Format "matlab": MAT-files of MATLAB 5 to 7.3; read only."""

from pathlib import Path

from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.matlab.reader import NAME, read_matlab
from cnnkit.exporters.matlab.versions import find_version


class MatlabFormat(Format):
    """Reads numeric arrays inside structs and cells too, under the names by which MATLAB refers to them."""

    name = NAME
    suffixes = (".mat",)
    priority = Priority.SPECIFIC
    description = "MATLAB's .mat, versions 5, 7 and 7.3: numeric arrays, inside structs and cells too"
    reads = True

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the file begins as MATLAB 4, 5 or 7.3 begins it."""
        return find_version(head, path.stat().st_size) is not None

    def read(self, path: Path) -> WeightFile:
        """Return the numeric arrays. Raises WeightFileError when the file is damaged, or of MATLAB 4."""
        return read_matlab(path)
