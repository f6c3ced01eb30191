"""The HDF5 file that the worker reads: kept open for the next request about it, where that stands in nobody's way."""

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

from cnnkit.files.file_part import FilePart
from cnnkit.files.hdf5.library import load_h5py, translate_errors

# libhdf5 2.0 takes 64 KiB for the table of its cache of chunks, for each of perhaps thousands of open data sets.
CACHE = {"rdcc_nslots": 521, "rdcc_nbytes": 4 << 20}


class Hdf5Source:
    """Opens what a request is about. size: bytes of the file that was opened last, or of its part."""

    def __init__(self) -> None:
        self._key: object = None
        self._file: Any = None
        self._stream: io.RawIOBase | None = None
        self.size = 0

    @contextlib.contextmanager
    def open(self, request: dict[str, Any], descriptor: int | None) -> Iterator[Any]:
        """Yield the h5py.File of a request, which came with an open file, or else names a path.

        Raises UnsafeFileError when it is damaged.
        """
        stream = io.FileIO(request["path"] if descriptor is None else descriptor)
        status = os.fstat(stream.fileno())
        window = request["window"] or (0, status.st_size)
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, *window)
        if key == self._key and request["wish"] != "listing":
            stream.close()
        else:
            self.close()
            self._stream, self.size = stream, window[1]
            with translate_errors():
                self._file = load_h5py().File(FilePart(stream, *window), "r", **CACHE)
            self._key = key
        try:
            yield self._file
        finally:
            if descriptor is None:  # Windows: nobody else could write a file that is open here
                self.close()

    def close(self) -> None:
        """Close the file, if there is one."""
        file, stream = self._file, self._stream
        self._key = self._file = self._stream = None
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            if file is not None:
                file.close()
        if stream is not None:
            stream.close()
