"""Choosing the reader of a path by content; the suffix decides for CSV alone, which has no magic bytes."""

import stat
from pathlib import Path

from cnnkit.data.csv_kind import recognise_csv
from cnnkit.data.dataset import Dataset
from cnnkit.data.hdf5_reader import read_hdf5
from cnnkit.data.idx_reader import idx_files, read_idx_folder
from cnnkit.data.image_folder import read_image_folder
from cnnkit.data.mask_folder import has_masks, read_mask_folder
from cnnkit.data.npy_folder import has_arrays, read_npy_folder
from cnnkit.data.npz_reader import read_npz
from cnnkit.data.picture import SUFFIXES
from cnnkit.data.picture_files import subfolders
from cnnkit.data.reader import Reader
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import refuse
from cnnkit.errors import DataError
from cnnkit.files.hdf5.mark import SIGNATURE
from cnnkit.files.names import printable
from cnnkit.files.regular_file import open_regular

KINDS = (
    "a folder with IDX files, with x_train.npy and y_train.npy, with one subfolder of pictures per class, "
    "or with images/ and masks/, or a file .npz, .csv, .csv.gz, .h5"
)
_ARRAYS = "arrays of one size"
IDX = Reader(lambda name, path, _: read_idx_folder(name, path), _ARRAYS)
NPY = Reader(read_npy_folder, _ARRAYS, ("layout", "ignore"))
NPZ = Reader(read_npz, _ARRAYS, ("layout", "ignore"))
HDF5 = Reader(read_hdf5, _ARRAYS, ("layout", "ignore"))
CLASS_FOLDERS = Reader(read_image_folder, "a folder of pictures per class", ("resize",))
MASKED = Reader(read_mask_folder, "a folder of pictures with masks", ("resize", "ignore"))
_MARKS = {b"PK\x03\x04": NPZ, b"PK\x05\x06": NPZ, SIGNATURE: HDF5}
_SUFFIXES = {".npz": "a zip file with arrays (NPZ)", ".h5": "an HDF5 file", ".hdf5": "an HDF5 file"}


def read_path(name: str, path: Path, reading: Reading, fallback: Reading) -> Dataset:
    """Return the data set in the file or folder `path`, read as `load` says.

    Raises DataError when no reader recognises it, or its reader refuses it.
    """
    try:
        if path.is_dir():
            reader = _recognise_folder(path)
        elif stat.S_ISREG(path.stat().st_mode):
            reader = _recognise_file(path)
        else:
            raise refuse(path, "a file or a folder", "a device, pipe or socket")
        return reader.read(name, path, reading, fallback)
    except OSError as error:
        raise DataError(
            f"{printable(str(path), 400)}: cannot be read: {error.strerror or printable(str(error))}"
        ) from None


def _recognise_folder(folder: Path) -> Reader:
    if idx_files(folder):
        return IDX
    if has_arrays(folder):
        return NPY
    if has_masks(folder):
        return MASKED
    if subfolders(folder):
        return CLASS_FOLDERS
    got = ", ".join(printable(path.name, 60) for path in sorted(folder.iterdir())[:5]) or "an empty folder"
    loose = any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
    hint = "put the pictures of each class into a subfolder with the name of the class" if loose else ""
    raise refuse(folder, KINDS, got, hint)


def _recognise_file(path: Path) -> Reader:
    with open_regular(path) as file:
        start = file.read(8)
    for mark, reader in _MARKS.items():
        if start.startswith(mark):
            return reader
    plain_suffix = path.suffix.lower()
    if plain_suffix in _SUFFIXES:
        raise refuse(
            path, _SUFFIXES[plain_suffix], f"bytes {start.hex() or '(none)'}", "the file is damaged or something else"
        )
    if start.startswith(b"\x93NUMPY"):
        hint = "put x_train.npy and y_train.npy into a folder and name that, or write both into one .npz"
        raise refuse(path, "images and labels", "one array", hint)
    if path.name.lower().endswith((".csv", ".csv.gz")):
        return recognise_csv(path)
    hint = ""
    if "-ubyte" in path.name:
        hint = "name the folder that holds the four IDX files"
    elif plain_suffix in {".pkl", ".pickle"}:
        hint = "a pickle can run code and is never opened"
    raise refuse(path, KINDS, f"a file that begins with {start.hex() or 'nothing'}", hint)
