"""NPZ: a zip of NPY arrays named x_train, y_train and, with a test split, x_test, y_test."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.npy_header import read_npy_header
from cnnkit.data.refusal import refuse, require_affordable

NAMES = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
_KINDS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_npz(name: str, path: Path, **names: Any) -> Dataset:
    """Return the data set in an NPZ file, loaded completely; arrays of other names are ignored.

    Nothing is unpickled; sizes are checked before memory is allocated, checksums (CRC-32) while reading.

    Raises DataError on missing arrays and on a zip or an array that contradicts itself.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive)
            splits = {}
            for split, (x, y) in NAMES.items():
                if split == "test" and x not in members and y not in members:
                    continue
                for key in (x, y):
                    if key not in members:
                        got = f"arrays {', '.join(sorted(members)[:8]) or '(none)'}"
                        hint = "numpy.savez(FILE, x_train=images, y_train=labels) names them so"
                        raise refuse(path, f"an array {key}", got, hint)
                images, labels = (_read(f"{path}: {key}", archive, members[key]) for key in (x, y))
                splits[split] = RawSplit(images, labels, f"{path}: {x}", f"{path}: {y}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise refuse(path, "a complete NPZ file", str(error) or type(error).__name__, "write it again") from None
    return assemble(name, splits["train"], splits.get("test"), **names)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    members = {entry.filename.removesuffix(".npy"): entry for entry in entries if entry.filename.endswith(".npy")}
    if len({entry.filename for entry in entries}) != len(entries):
        raise refuse(path, "each array once", "two members with one name", "write it again")
    with path.open("rb") as file:
        file.seek(-22 - len(archive.comment), os.SEEK_END)
        ended = file.read(4) == b"PK\x05\x06"
    if entries and (min(entry.header_offset for entry in entries) != 0 or not ended):
        raise refuse(path, "a zip and nothing else", "bytes before or after it", "write it again")
    wanted = [members[key] for pair in NAMES.values() for key in pair if key in members]
    for entry in wanted:
        if entry.compress_type not in _KINDS or entry.flag_bits & 1:
            raise refuse(
                f"{path}: {entry.filename}", "a stored or deflated member", "another compression, or an encrypted one"
            )
    require_affordable(path, sum(entry.file_size for entry in wanted), os.path.getsize(path))
    return members


def _read(where: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as file:
        header = read_npy_header(where, file)
        declared = header.header_bytes + header.value_bytes
        if declared != entry.file_size:
            raise refuse(where, f"{declared} bytes for {header.dtype} {header.shape}", f"{entry.file_size}")
        data = np.empty(header.value_bytes, np.uint8)
        filled = 0
        while filled < len(data):
            block = file.read(min(1 << 20, len(data) - filled))
            if not block:
                raise refuse(where, f"{header.value_bytes} bytes of values", f"{filled}", "the file is truncated")
            data[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
            filled += len(block)
        file.read(1)  # zipfile compares the checksum when the end is reached
    flat = data.view(header.dtype)
    values = flat.reshape(header.shape[::-1]).T if header.fortran_order else flat.reshape(header.shape)
    return values.astype(header.dtype.newbyteorder("="), copy=False)
