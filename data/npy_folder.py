"""A folder with x_train.npy and y_train.npy, and optional x_test.npy and y_test.npy: images stay on the disk."""

import os
from pathlib import Path
from typing import Any

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.npy_header import read_npy_header
from cnnkit.data.npz_reader import NAMES
from cnnkit.data.refusal import refuse
from cnnkit.data.stored_images import hold_labels, read_stored
from cnnkit.files.regular_file import open_regular


def read_npy_folder(name: str, folder: Path) -> Dataset:
    """Return the data set of a folder of NPY files, which may be larger than memory: large arrays stay on the disk.

    Raises DataError on a missing or malformed file and on one whose length contradicts its header.
    """
    splits = {}
    for split, pair in NAMES.items():
        paths = [folder / f"{key}.npy" for key in pair]
        if split == "test" and not any(path.exists() for path in paths):
            continue
        for path in paths:
            if not path.is_file():
                raise refuse(folder, f"the file {path.name}", "a folder without it")
        images, labels = (_read(path) for path in paths)
        held = hold_labels(images, labels, paths[1])
        splits[split] = RawSplit(images, held, str(paths[0]), str(paths[1]))
    return assemble(name, splits["train"], splits.get("test"))


def _read(path: Path) -> Any:
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
        return read_stored(path, file, header.dtype, header.shape, header.fortran_order)
