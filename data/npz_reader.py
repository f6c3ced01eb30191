"""NPZ: a zip of NPY arrays named x_train, y_train and, with a test split, x_test, y_test."""

import io
from pathlib import Path
from typing import Any

import numpy.typing as npt

from cnnkit.data.array_source import ArraySource, list_wanted, read_arrays
from cnnkit.data.dataset import Dataset
from cnnkit.data.npy_header import read_npy_header
from cnnkit.data.reading import Reading
from cnnkit.data.refusal import LABEL_BYTES, refuse, require_affordable
from cnnkit.files.npy_header import LONGEST
from cnnkit.files.unsafe_file import UnsafeFileError
from cnnkit.files.zips.directory import Member
from cnnkit.files.zips.gate import ZipGate

_LONGEST = LONGEST + 12  # of an array's header, with what is before it


def read_npz(name: str, path: Path, reading: Reading | None = None, **facts: Any) -> Dataset:
    """Return the data set in an NPZ file, loaded completely; arrays of other names are ignored.

    Nothing is unpickled; sizes are checked before memory is allocated, checksums (CRC-32) while reading.

    Raises DataError on missing arrays and on a zip or an array that contradicts itself.
    """
    try:
        return read_arrays(name, NpzArrays(path), reading or Reading(), **facts)
    except UnsafeFileError as error:
        raise refuse(path, "a complete NPZ file", str(error), "write it again") from None


class NpzArrays(ArraySource):
    """The arrays of an NPZ file, read when asked for."""

    def __init__(self, path: Path) -> None:
        self.where: Path = path
        self._gate = ZipGate(path)
        self._members = _find_members(path, self._gate)
        self.names = self._members.keys()

    def read_samples(self, key: str) -> npt.NDArray[Any]:
        """Return an array. Raises DataError where its header and its size contradict each other."""
        return _read(self.locate(key), self._gate, self._members[key])

    def read_targets(self, key: str, samples: int) -> npt.NDArray[Any]:  # noqa: ARG002
        """Return an array as `read_samples` does."""
        return _read(self.locate(key), self._gate, self._members[key], LABEL_BYTES)

    def locate(self, key: str) -> str:
        """Return file and array."""
        return f"{self.where}: {key}"


def _find_members(path: Path, gate: ZipGate) -> dict[str, Member]:
    """Return {array: its member}. Raises DataError for bytes that belong to none, and for too many when unpacked."""
    if gate.unclaimed:
        raise refuse(path, "a zip and nothing else", "bytes before or after it", "write it again")
    members = {n.removesuffix(".npy"): member for n, member in gate.members.items() if n.endswith(".npy")}
    wanted = [members[key] for key in list_wanted(members)]
    require_affordable(path, sum(member.size for member in wanted), path.stat().st_size)
    return members


def _read(where: str, gate: ZipGate, member: Member, more: int = 0) -> npt.NDArray[Any]:
    """Return an array. more: bytes that each row will take in memory beyond those that are stored."""
    header = read_npy_header(where, io.BytesIO(gate.peek(member.name, _LONGEST)))
    declared = header.header_bytes + header.value_bytes
    if declared != member.size:
        raise refuse(where, f"{declared} bytes for {header.dtype} {header.shape}", f"{member.size}")
    require_affordable(where, declared + more * sum(header.shape[:1]), gate.size)
    flat = gate.read(member.name, header.header_bytes).view(header.dtype)
    values = flat.reshape(header.shape[::-1]).T if header.fortran_order else flat.reshape(header.shape)
    return values.astype(header.dtype.newbyteorder("="), copy=False)
