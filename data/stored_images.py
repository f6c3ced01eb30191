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
from cnnkit.files.stored_file import Bytes, StoredFile, fill
from cnnkit.files.unsafe_file import UnsafeFileError

WHOLE_BYTES = 128 << 20  # of an array that is read whole


class StoredImages(LazyImages):
    """Images (N, ...) in C order from an offset of a file on, read when indexed, while the file stays the same."""

    def __init__(self, file: StoredFile, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> None:
        super().__init__(shape, dtype)
        self._file, self._offset = file, offset

    def read(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the images at `indices`; those that lie side by side are read at once.

        Raises DataError when the file has changed since it was opened, or has gone.
        """
        images = np.empty((len(indices), *self.shape[1:]), self.dtype)
        content = images.reshape(len(indices), -1).view(np.uint8)
        size = content.shape[1]
        starts = np.flatnonzero(np.diff(indices, prepend=-2) != 1)
        try:
            with self._file.open() as stream:
                for start, end in zip(starts, [*starts[1:], len(indices)], strict=True):
                    fill(stream, self._offset + int(indices[start]) * size, content[start:end].reshape(-1))
        except UnsafeFileError as error:
            raise _refuse_changed(self._file.path, error.__cause__) from None
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
        return StoredImages(_find_again(path, file), dtype, offset, shape)
    values: Bytes = np.empty(size, np.uint8)
    try:
        fill(file, offset, values)
    except UnsafeFileError:
        raise _refuse_changed(path) from None
    flat = values.view(dtype)
    return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)


def hold_labels(images: Any, labels: Any, where: object) -> npt.NDArray[Any]:
    """Return labels as an array. Raises DataError for many, still unread, that are not as many as the images."""
    require_count(labels, images.shape[0] if images.shape else 0, where)
    held: npt.NDArray[Any] = labels if isinstance(labels, np.ndarray) else labels[:]
    return held


def require_count(targets: Any, samples: int, where: object) -> None:
    """Raise DataError for many targets, still unread, that are not as many as the samples."""
    if not isinstance(targets, np.ndarray) and targets.shape[:1] != (samples,):
        raise refuse(where, f"a label for each of the {samples} images", f"labels of shape {targets.shape}")


def _require_stored(path: Path, file: BinaryIO) -> None:
    """Raise DataError for a file that is far larger than what the disk holds of it: reading its zeros takes hours."""
    try:
        require_stored(os.fstat(file.fileno()))
    except UnsafeFileError as error:
        raise refuse(path, "a file without holes", str(error)) from None


def _find_again(path: Path, file: BinaryIO) -> StoredFile:
    """Return the open file as one that is opened by its path. Raises DataError where another lies there by now."""
    try:
        found = StoredFile(path)
        found.require_state(file)
    except (OSError, UnsafeFileError) as error:
        raise _refuse_changed(path, error) from None
    return found


def _refuse_changed(path: Path, error: BaseException | None = None) -> Exception:
    """Return the refusal of a file that has changed, or that the system no longer opens, as `error` tells."""
    got = (error.strerror or "none") if isinstance(error, OSError) else "one that has changed since"
    return refuse(path, "the file that was opened", got, "start again")
