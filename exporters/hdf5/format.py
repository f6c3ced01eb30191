"""Format "hdf5": cnnkit's own weight files, which any HDF5 tool can open. README.md shows the layout."""

from pathlib import Path
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.format import Format, Priority
from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.hdf5.layout import FORMAT
from cnnkit.exporters.hdf5.reader import NAME, read_hdf5
from cnnkit.exporters.hdf5.writer import write_hdf5
from cnnkit.files.hdf5.cage import list_hdf5
from cnnkit.files.hdf5.mark import is_hdf5
from cnnkit.files.unsafe_file import UnsafeFileError


class Hdf5Format(Format):
    """Exact, compressible, verified: every tensor has its SHA-256, every chunk and header a checksum."""

    name = NAME
    suffixes = (".h5", ".hdf5")
    priority = Priority.SPECIFIC
    description = "cnnkit's own format: everything, exactly, readable with any HDF5 tool"
    reads = writes = True
    options = {"compression": "gzip level, 0 (none) to 9"}  # noqa: RUF012

    def recognises(self, path: Path, head: bytes) -> bool:
        """Return whether it is HDF5 with cnnkit's format name: seen in `head`, or by the worker process at the root."""
        if not is_hdf5(head):
            return False
        try:
            return FORMAT.encode() in head or list_hdf5(path).attributes.get("format") == FORMAT
        except UnsafeFileError:
            return False

    def read(self, path: Path) -> WeightFile:
        """Return the content of a file by cnnkit. Raises WeightFileError for damage, and for any other file."""
        return read_hdf5(path)

    def write(self, weights: WeightFile, path: Path, **options: Any) -> None:
        """Write `weights`; the same weights give the same bytes.

        Raises ExportError for an element type, rank or name that HDF5 cannot hold, and for values that are not JSON.
        """
        compression = options.get("compression", 0)
        if compression not in range(10):
            raise ExportError(f"compression: expected a level from 0 to 9, got {compression!r}")
        write_hdf5(weights, path, compression)
