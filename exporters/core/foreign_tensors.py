"""Tensors of HDF5 files of other programs: the worker process lists them, and reads their values when asked."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.raw_values import STEP, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, numbered_axes
from cnnkit.files.hdf5_foreign import ListedDataset, Listing, list_hdf5, stream_values
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SIGNATURE_PLACES = (0, 512, 1024, 2048, 4096)  # a user block may come first, as in files of MATLAB and Julia


def is_hdf5(head: bytes) -> bool:
    """Return whether a file that begins with `head` has the HDF5 signature."""
    return any(head.startswith(SIGNATURE, place) for place in SIGNATURE_PLACES)


class Foreign(NamedTuple):
    """An HDF5 file of another program and its listing. window: (begin, length) of it where it lies inside `path`."""

    path: Path
    format_name: str
    listing: Listing
    file: StoredFile
    window: tuple[int, int] | None = None

    @classmethod
    def open(cls, path: Path, format_name: str, window: tuple[int, int] | None = None) -> "Foreign":
        """List a file. Raises WeightFileError when it is damaged, breaks a rule, or crashes the worker."""
        with faults_of(path, format_name):
            try:
                file = StoredFile(path)
            except OSError as error:
                raise UnsafeFileError("no such file") from error
            return cls(path, format_name, list_hdf5(path, window), file, window)

    def dataset(self, place: str) -> ListedDataset:
        """Return the data set at `place`, which the file names as a weight.

        Raises WeightFileError when it is missing, or must not be read.
        """
        if place in self.listing.datasets:
            return self.listing.datasets[place]
        for link in self.listing.not_followed:
            if link.startswith(f"{place} ("):
                raise fault(self.path, f"{printable(link)}: not followed", kind="refused", format_name=self.format_name)
        if place in self.listing.not_read:
            problem = f"{printable(place)}: {self.listing.not_read[place]}"
            raise fault(self.path, problem, kind="refused", format_name=self.format_name)
        problem = f"{printable(place)} is listed as a weight, but missing"
        raise fault(self.path, problem, format_name=self.format_name)

    def tensor(self, place: str, name: str, layer: str, kind: str, role: str, axes: tuple[str, ...] | None) -> Tensor:
        """Return the data set at `place` as a tensor; axes that do not fit its rank are numbered."""
        stored = self.dataset(place)
        if axes is None or len(axes) != len(stored.shape):
            axes = numbered_axes(len(stored.shape))
        direct = self._is_direct(stored)
        dtype = stored.carrier if direct else stored.carrier.newbyteorder("<")
        blocks = functools.partial(self._read_blocks, place, stored, direct)
        stream = functools.partial(stream_array, self.path, self.format_name, printable(place), blocks, dtype)
        read = functools.partial(self._read, place, stored, blocks, dtype)
        return Tensor(name, layer, kind, role, axes, stored.dtype, stored.shape, read, stream)

    def _is_direct(self, stored: ListedDataset) -> bool:
        """Return whether the values lie in the file as they are, so that they can be read without the worker."""
        size = self.file.size if self.window is None else self.window[1]
        return stored.begin is not None and 0 <= stored.begin <= size - stored.nbytes

    def _read_blocks(self, place: str, stored: ListedDataset, direct: bool) -> Iterator[Bytes]:
        """Yield the bytes of a data set. Raises UnsafeFileError also when the file has changed since it was listed."""
        if direct:
            origin = 0 if self.window is None else self.window[0]
            yield from self.file.blocks(origin + (stored.begin or 0), stored.nbytes, STEP)
            return
        self.file.require_same()
        yield from stream_values(self.path, place, stored, self.window)
        self.file.require_same()

    def _read(
        self, place: str, stored: ListedDataset, blocks: Callable[[], Iterator[Bytes]], dtype: np.dtype[Any]
    ) -> Array:
        data, filled = np.empty(stored.nbytes, np.uint8), 0
        with faults_of(self.path, self.format_name, printable(place)):
            for block in blocks():
                data[filled : filled + block.size] = block
                filled += block.size
            return decode_values(data, dtype, stored.shape)

    def not_read(self) -> list[NotRead]:
        """Return the data sets and links that were not read."""
        skipped = [NotRead(printable(place), 1, reason) for place, reason in self.listing.not_read.items()]
        return skipped + [NotRead(printable(link), 1, "links are not followed") for link in self.listing.not_followed]
