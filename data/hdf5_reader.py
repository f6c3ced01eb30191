"""HDF5 with data sets x_train, y_train and optional x_test, y_test: images are read from the file batch by batch."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.npz_reader import NAMES
from cnnkit.data.refusal import refuse
from cnnkit.errors import DataError
from cnnkit.files.hdf5_gate import GatedHdf5, open_hdf5
from cnnkit.files.names import printable
from cnnkit.files.unsafe_file import UnsafeFileError

LARGEST_LABELS = 1 << 30  # bytes; labels are read completely, images are not


class Hdf5Images(LazyImages):
    """Images of an open HDF5 file; the file stays open as long as this object exists."""

    def __init__(self, where: str, gate: GatedHdf5, dataset: Any) -> None:
        super().__init__(tuple(int(n) for n in dataset.shape), dataset.dtype)
        self._where, self._gate, self._dataset = where, gate, dataset

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the images at `indices`: each is read once, in the order of the file, runs of neighbours together."""
        unique, inverse = np.unique(indices, return_inverse=True)
        images = np.empty((len(unique), *self.shape[1:]), self.dtype)
        ends = np.flatnonzero(np.diff(unique) != 1) + 1
        try:
            for run in np.split(np.arange(len(unique)), ends) if len(unique) else []:
                first, last = int(run[0]), int(run[-1]) + 1
                images[first:last] = self._dataset[int(unique[first]) : int(unique[last - 1]) + 1]
        except (OSError, RuntimeError, ValueError) as error:
            raise DataError(f"{self._where}: damaged: {printable(str(error))}") from None
        return images if np.array_equal(unique, indices) else images[inverse]


def read_hdf5(name: str, path: Path) -> Dataset:
    """Return the data set in an HDF5 file; its images stay in the file, so it may be larger than memory.

    Links out of the file, virtual data sets, external storage and plug-in filters are refused.

    Raises DataError on missing data sets, and on a file that is damaged or uses what is refused.
    """
    gate = _gated(str(path), open_hdf5, path)
    try:
        splits = {}
        for split, (x, y) in NAMES.items():
            present = [key for key in (x, y) if _has(path, gate, key)]
            if split == "test" and not present:
                continue
            for key in (x, y):
                if key not in present:
                    others = ", ".join(printable(other) for other in list(_gated(str(path), gate.datasets))[:8])
                    raise refuse(path, f"a data set {key}", f"data sets {others or '(none)'}")
            images = Hdf5Images(f"{path}: {x}", gate, gate[x])
            splits[split] = RawSplit(images, _labels(path, gate, y), f"{path}: {x}", f"{path}: {y}")
        return assemble(name, splits["train"], splits.get("test"))
    except BaseException:
        gate.close()
        raise


def _has(path: Path, gate: GatedHdf5, key: str) -> bool:
    try:
        _gated(str(path), gate.__getitem__, key)
    except KeyError:
        return False
    return True


def _labels(path: Path, gate: GatedHdf5, key: str) -> npt.NDArray[Any]:
    declared = gate[key].size * gate[key].dtype.itemsize
    if declared > LARGEST_LABELS:
        raise refuse(f"{path}: {key}", f"labels of at most {LARGEST_LABELS} bytes", f"{declared}")
    return np.asarray(_gated(str(path), gate.read, key))


def _gated(where: str, function: Any, *arguments: Any) -> Any:
    """Return function(*arguments), with what the gate refuses as a DataError."""
    try:
        return function(*arguments)
    except UnsafeFileError as error:
        raise DataError(f"{printable(where, 400)}: {error}") from None
