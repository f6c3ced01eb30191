"""Tensors of HDF5 files of other makers: listed by the worker process, read by it when they are asked for."""

import functools
from pathlib import Path
from typing import NamedTuple

from cnnkit.exporters.faults import fault, gate_faults
from cnnkit.exporters.weight_file import Array, NotRead, Tensor
from cnnkit.files.hdf5_foreign import Listing, Stored, list_hdf5, read_values
from cnnkit.files.names import printable

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SIGNATURE_PLACES = (0, 512, 1024, 2048, 4096)  # before it a user block, as of MATLAB and Julia


def is_hdf5(head: bytes) -> bool:
    """Return whether a file that begins with `head` has the HDF5 signature."""
    return any(head.startswith(SIGNATURE, place) for place in SIGNATURE_PLACES)


class Foreign(NamedTuple):
    """An HDF5 file of another maker, or the one in `window` = (begin, length) of `path`, and what it holds."""

    path: Path
    format_name: str
    listing: Listing
    window: tuple[int, int] | None = None

    @classmethod
    def opened(cls, path: Path, format_name: str, window: tuple[int, int] | None = None) -> "Foreign":
        """List a file. Raises WeightFileError when it is damaged, breaks a rule, or brings the worker down."""
        with gate_faults(path, format_name):
            return cls(path, format_name, list_hdf5(path, window), window)

    def stored(self, place: str) -> Stored:
        """Return what is known of the data set at `place`, which the file says is there.

        Raises WeightFileError when it is not, or must not be read.
        """
        if place in self.listing.datasets:
            return self.listing.datasets[place]
        for link in self.listing.not_followed:
            if link.startswith(f"{place} ("):
                raise fault(self.path, f"{printable(link)}: not followed", kind="refused", format_name=self.format_name)
        if place in self.listing.not_read:
            problem = f"{printable(place)}: {self.listing.not_read[place]}"
            raise fault(self.path, problem, kind="refused", format_name=self.format_name)
        problem = f"{printable(place)} is listed as a weight, and is not there"
        raise fault(self.path, problem, format_name=self.format_name)

    def tensor(self, place: str, name: str, layer: str, kind: str, role: str, axes: tuple[str, ...] | None) -> Tensor:
        """Return the data set at `place` as a tensor; axes that do not fit its rank are numbered."""
        stored = self.stored(place)
        if axes is None or len(axes) != len(stored.shape):
            axes = tuple(map(str, range(len(stored.shape))))
        read = functools.partial(_read, self.path, self.format_name, place, stored, self.window)
        return Tensor(name, layer, kind, role, axes, stored.dtype, stored.shape, read)

    def not_read(self) -> list[NotRead]:
        """Return what was left alone."""
        found = [NotRead(printable(place), 1, reason) for place, reason in self.listing.not_read.items()]
        return found + [NotRead(printable(link), 1, "links are not followed") for link in self.listing.not_followed]


def _read(path: Path, format_name: str, place: str, stored: Stored, window: tuple[int, int] | None) -> Array:
    with gate_faults(path, format_name):
        return read_values(path, place, stored, window)
