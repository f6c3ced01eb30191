"""Arrays that lie in a file as they are: small ones are read whole, large ones image by image, never mapped.

A mapped file that is cut by another program ends this one with SIGBUS; a read tells what happened.
"""

import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cnnkit.data.lazy_images import LazyImages
from cnnkit.data.refusal import refuse
from cnnkit.files.holes import require_stored
from cnnkit.files.regular_file import open_regular
from cnnkit.files.unsafe_file import UnsafeFileError

WHOLE_BYTES = 128 << 20  # of an array that is read whole


class StoredImages(LazyImages):
    """Images (N, ...) in C order from an offset of a file on, read when indexed, while the file stays the same."""

    def __init__(self, path: Path, file: BinaryIO, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> None:
        super().__init__(shape, dtype)
        self.path, self.offset, self._stamp = path, offset, _stamp(file)

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the images at `indices`; those that lie side by side are read at once.

        Raises DataError when the file has changed since it was opened, or has gone.
        """
        images = np.empty((len(indices), *self.shape[1:]), self.dtype)
        content = images.reshape(len(indices), -1).view(np.uint8)
        size = content.shape[1]
        with _reopen(self.path) as file:
            if _stamp(file) != self._stamp:
                raise _refuse_changed(self.path)
            starts = np.flatnonzero(np.diff(indices, prepend=-2) != 1)
            for start, end in zip(starts, [*starts[1:], len(indices)], strict=True):
                file.seek(self.offset + int(indices[start]) * size)
                if fill(file, content[start:end].reshape(-1).data) < (end - start) * size:
                    raise _refuse_changed(self.path)
        return images


def read_stored(
    path: Path, file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...], fortran_order: bool = False
) -> Any:
    """Return the array of `shape` that begins where the file stands: itself, or as images to be read.

    The caller has compared the length of the file. Raises DataError for a file of holes, and one that is cut meanwhile.
    """
    size, offset = math.prod(shape) * dtype.itemsize, file.tell()
    _require_stored(path, file)
    if size > WHOLE_BYTES and not fortran_order and shape:
        return StoredImages(path, file, dtype, offset, shape)
    values = np.empty(size, np.uint8)
    if fill(file, values.data) < size:
        raise _refuse_changed(path)
    flat = values.view(dtype)
    return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)


def hold_labels(images: Any, labels: Any, where: object) -> npt.NDArray[Any]:
    """Return labels as an array. Raises DataError for many, still unread, that are not as many as the images."""
    if not isinstance(labels, np.ndarray) and labels.shape[:1] != images.shape[:1]:
        count = images.shape[0] if images.shape else 0
        raise refuse(where, f"a label for each of the {count} images", f"labels of shape {labels.shape}")
    held: npt.NDArray[Any] = labels if isinstance(labels, np.ndarray) else labels[:]
    return held


def fill(file: Any, target: memoryview) -> int:
    """Read into the memory until it is full or the file ends; return the number of bytes."""
    filled = 0
    while filled < len(target):
        count = file.readinto(target[filled : filled + (1 << 20)])
        if not count:
            break
        filled += count
    return filled


def _require_stored(path: Path, file: BinaryIO) -> None:
    """Raise DataError for a file that is far larger than what the disk holds of it: reading its zeros takes hours."""
    try:
        require_stored(os.fstat(file.fileno()))
    except UnsafeFileError as error:
        raise refuse(path, "a file without holes", str(error)) from None


def _reopen(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise refuse(path, "the file that was opened", error.strerror or "none", "start again") from None


def _stamp(file: BinaryIO) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ino


def _refuse_changed(path: Path) -> Exception:
    return refuse(path, "the file that was opened", "one that has changed since", "start again")
