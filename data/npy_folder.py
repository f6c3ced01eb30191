"""A folder with x_train.npy and y_train.npy, and optional x_test.npy and y_test.npy: images stay on the disk."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.npy_header import read_npy_header
from cnnkit.data.npz_reader import NAMES
from cnnkit.data.refusal import refuse


def read_npy_folder(name: str, folder: Path) -> Dataset:
    """Return the data set of a folder of NPY files, opened as memory maps, so it may be larger than memory.

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
        images, labels = (_map(path) for path in paths)
        splits[split] = RawSplit(images, np.array(labels), str(paths[0]), str(paths[1]))
    return assemble(name, splits["train"], splits.get("test"))


def _map(path: Path) -> npt.NDArray[Any]:
    with path.open("rb") as file:
        header = read_npy_header(str(path), file)
    stored = os.path.getsize(path) - header.header_bytes
    if stored != header.value_bytes:
        raise refuse(
            path,
            f"{header.value_bytes} bytes for {header.dtype} {header.shape}",
            f"{stored}",
            "the file was truncated or extended",
        )
    if stored == 0:
        return np.empty(header.shape, header.dtype)  # an empty file cannot be mapped; the check of shapes refuses it
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    return np.asarray(np.memmap(path, header.dtype, "r", header.header_bytes, header.shape, order))
