"""Format "npz": a zip of NPY arrays, as numpy.savez writes it; a file by cnnkit keeps everything."""

from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.npz.reader import NAME, read_npz
from cnnkit.exporters.npz.writer import write_npz
from cnnkit.files.zips.gate import read_member_names


class NpzFormat(Format):
    """Nothing is unpickled, evaluated, or unpacked to the disk."""

    name = NAME
    suffixes = (".npz",)
    priority = Priority.CATCH_ALL
    description = "NumPy's npz: exact, for numpy.load"
    reads = writes = True
    options = {"compression": "deflate level, 0 (none) to 9"}  # noqa: RUF012

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether the file is a zip whose members are all .npy."""
        names = read_member_names(path, head)
        return bool(names) and all(name.endswith(".npy") for name in names)

    def read(self, path: Path) -> WeightFile:
        """Return the arrays as tensors. Raises WeightFileError when the file is damaged."""
        return read_npz(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:
        """Write `weights`; the same weights give the same bytes.

        Raises ExportError for more than 32 axes and for texts that are not JSON.
        """
        level = options.get("compression", 0)
        if level not in range(10):
            raise ExportError(f"compression: expected a level from 0 to 9, got {level!r}")
        write_npz(weights, path, int(level))
