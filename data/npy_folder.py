"""A folder with x_train.npy and y_train.npy, and optional x_test.npy and y_test.npy: images stay on the disk."""

import os
from pathlib import Path

from cnnkit.data.array_source import ArraySource, list_wanted, read_arrays
from cnnkit.data.dataset import Dataset
from cnnkit.data.npy_header import read_npy_header
from cnnkit.data.pixels import Images
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.data.stored_images import read_stored, require_count
from cnnkit.files.regular_file import open_regular


def has_arrays(folder: Path) -> bool:
    """Return whether a folder holds arrays to train on."""
    with os.scandir(folder) as entries:
        return any(
            e.name == "x_train.npy" or (e.name.startswith("y_train") and e.name.endswith(".npy")) for e in entries
        )


def read_npy_folder(name: str, folder: Path, reading: Reading) -> Dataset:
    """Return the data set of a folder of NPY files, which may be larger than memory: large arrays stay on the disk.

    Raises DataError on a missing or malformed file and on one whose length contradicts its header.
    """
    return read_arrays(name, NpyFolder(folder), reading)


class NpyFolder(ArraySource):
    """The arrays of a folder, read when asked for."""

    def __init__(self, folder: Path) -> None:
        self.where: Path = folder
        with os.scandir(folder) as entries:
            files = [entry.name.removesuffix(".npy") for entry in entries if entry.name.endswith(".npy")]
        self.names = [name for name in list_wanted(files) if (folder / f"{name}.npy").is_file()]

    def read_samples(self, key: str) -> Images:
        """Return an array, a large one as a lazy reader. Raises DataError where its length contradicts its header."""
        return _read(self.where / f"{key}.npy")

    def read_targets(self, key: str, samples: int) -> Images:
        """Return an array as `read_samples` does."""
        stored = self.read_samples(key)
        require_count(stored, samples, self.locate(key))
        return stored

    def locate(self, key: str) -> str:
        """Return the file of an array."""
        return str(self.where / f"{key}.npy")

    def refuse_missing(self, key: str) -> Exception:
        """Return the error for a file that is not there."""
        return refuse(self.where, f"the file {key}.npy", "a folder without it")


def _read(path: Path) -> Images:
    with open_regular(path) as file:
        header = read_npy_header(str(path), file)
        stored = os.fstat(file.fileno()).st_size - header.header_bytes
        if stored != header.value_bytes:
            raise refuse(
                path,
                f"{header.value_bytes} bytes for {header.dtype} {header.shape}",
                f"{stored}",
                "the file was truncated or extended",
            )
        images: Images = read_stored(path, file, header.dtype, header.shape, header.fortran_order)
        return images
