"""Tensors of HDF5 files: the worker process lists them, and reads values that do not lie there as they are."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core.faults import fault, faults_of
from cnnkit.exporters.core.hdf5_ahead import ReadAhead
from cnnkit.exporters.core.raw_values import MISFIT, decode_values, stream_array
from cnnkit.exporters.core.weight_file import Array, NotRead, Tensor, numbered_axes, sha256
from cnnkit.files.hdf5.cage import list_hdf5, read_text, stream_values
from cnnkit.files.hdf5.contents import ListedDataset, Listing
from cnnkit.files.hdf5.runs import StoredRuns
from cnnkit.files.names import printable
from cnnkit.files.stored_file import Bytes, StoredFile
from cnnkit.files.unsafe_file import UnsafeFileError


class Hdf5Tensors(NamedTuple):
    """An HDF5 file and its listing. window: (begin, length) of it where it lies inside `path`."""

    path: Path
    format_name: str
    listing: Listing
    file: StoredFile
    ahead: ReadAhead
    window: tuple[int, int] | None = None

    @classmethod
    def open(cls, path: Path, format_name: str, window: tuple[int, int] | None = None) -> "Hdf5Tensors":
        """List a file. Raises WeightFileError when it is damaged, breaks a rule, or crashes the worker."""
        with faults_of(path, format_name):
            try:
                file = StoredFile(path)
            except OSError as error:
                raise UnsafeFileError("no such file") from error
            return cls(path, format_name, list_hdf5(path, window), file, ReadAhead(path, window), window)

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

    def tensor(
        self,
        place: str,
        name: str,
        layer: str,
        kind: str,
        role: str,
        axes: tuple[str, ...] | None,
        dtype: str | None = None,
        expected: str | None = None,
    ) -> Tensor:
        """Return the data set at `place` as a tensor; axes that do not fit its rank are numbered.

        dtype: where it is another than that of the data set, which has its raw bits.
        expected: the SHA-256 of the values, where the file has it.
        """
        stored = self.dataset(place)
        if axes is None or len(axes) != len(stored.shape):
            axes = numbered_axes(len(stored.shape))
        runs = StoredRuns.of(self.file, stored, self.window, verified=expected is not None)
        if runs is None:
            self.ahead.note(place, stored)
        carrier = stored.carrier if runs is not None else stored.carrier.newbyteorder("<")
        blocks = runs.blocks if runs is not None else functools.partial(self._ask_for_blocks, place, stored)
        stream = functools.partial(
            stream_array, self.path, self.format_name, printable(place), blocks, carrier, expected
        )
        read = functools.partial(self._read, place, stored, blocks, carrier, expected)
        return Tensor(name, layer, kind, role, axes, dtype or stored.dtype, stored.shape, read, stream)

    def _ask_for_blocks(self, place: str, stored: ListedDataset) -> Iterator[Bytes]:
        """Yield the bytes of a data set. Raises UnsafeFileError also when the file has changed since it was listed."""
        self.file.require_same()
        content = self.ahead.take(place)
        yield from stream_values(self.path, place, stored, self.window) if content is None else (content,)
        self.file.require_same()

    def _read(
        self,
        place: str,
        stored: ListedDataset,
        blocks: Callable[[], Iterator[Bytes]],
        dtype: np.dtype[Any],
        expected: str | None,
    ) -> Array:
        data, filled = np.empty(stored.nbytes, np.uint8), 0
        with faults_of(self.path, self.format_name, printable(place)):
            for block in blocks():
                data[filled : filled + block.size] = block
                filled += block.size
            values = decode_values(data, dtype, stored.shape)
            if expected is not None and sha256(values) != expected:
                raise ValueError(MISFIT)
            return values

    def text(self, place: str) -> bytes | None:
        """Return the text of fixed length at `place`, None where there is none. Raises WeightFileError as `dataset`."""
        stored = self.listing.texts.get(place)
        if stored is None:
            if any(place in known for known in (self.listing.datasets, self.listing.not_read, self.listing.groups)):
                raise fault(
                    self.path, f"{printable(place)}: not one text of fixed length", format_name=self.format_name
                )
            return None
        with faults_of(self.path, self.format_name, printable(place)):
            begin, length = self.window or (0, self.file.size)
            if stored.begin is None or stored.begin > length - stored.size:
                return read_text(self.path, place, stored)
            return self.file.read(begin + stored.begin, stored.size).tobytes()

    def not_read(self) -> list[NotRead]:
        """Return the data sets and links that were not read."""
        skipped = [NotRead(printable(place), 1, reason) for place, reason in self.listing.not_read.items()]
        return skipped + [NotRead(printable(link), 1, "links are not followed") for link in self.listing.not_followed]
