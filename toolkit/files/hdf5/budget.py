"""What the data sets of an HDF5 file may declare together. Runs in the worker process."""

from typing import Any

from cnnkit.files.hdf5.rules import count_bytes, describe_air, find_air, find_objection
from cnnkit.files.hdf5.walk import find_address

_ALIASES = 4  # how many times the bytes of a file may be named, by links to the same data set


class StorageBudget:
    """Sums up data sets, in the order in which they are asked about, against the size of the file."""

    def __init__(self, file_bytes: int) -> None:
        self._file_bytes = file_bytes
        self._known: set[tuple[int, int]] = set()
        self._air = self._stored = self._repeated = 0

    def find_objection(self, dataset: Any) -> str | None:
        """Return why an h5py DatasetID must not be read as numbers: by itself, or with those before it; else None."""
        reason = find_objection(dataset, self._file_bytes)
        if reason is not None:
            return reason
        declared, stored = count_bytes(dataset)
        air, address = find_air(declared, stored), find_address(dataset)
        if address in self._known:
            self._repeated += stored
            if self._repeated > _ALIASES * self._file_bytes:
                return f"the data sets of the file are named more than {_ALIASES} times"
        else:
            self._stored += stored
            if self._stored > self._file_bytes:
                return f"stores {stored} bytes, with those before it more than the file has: they overlap"
        self._known.add(address)
        reason = describe_air(declared, stored, self._air + air)
        self._air += air if reason is None else 0
        return reason
