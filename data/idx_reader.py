"""IDX, the format of MNIST: magic, sizes as big-endian 32-bit numbers, then one byte per pixel or label."""

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.data.assembly import RawSplit, assemble
from cnnkit.data.dataset import Dataset
from cnnkit.data.packed_file import open_unpacked
from cnnkit.data.refusal import LABEL_BYTES, refuse, require_affordable
from cnnkit.data.stored_images import hold_labels, read_stored

IMAGES, LABELS = 0x00000803, 0x00000801  # 08: unsigned bytes, then the number of axes
SPLITS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def idx_files(folder: Path) -> dict[str, Path]:
    """Return {standard name: file} of the IDX files in `folder`; plain is preferred to gzipped, `-idx3` to `.idx3`."""
    files: dict[str, Path] = {}
    for name in (name for pair in SPLITS.values() for name in pair):
        for spelling in (name, name.replace("-idx", ".idx")):
            for suffix in ("", ".gz"):
                path = folder / (spelling + suffix)
                if path.is_file():
                    files.setdefault(name, path)
    return files


def read_idx_folder(name: str, folder: Path, **names: Any) -> Dataset:
    """Return the data set of the four IDX files in `folder`; without the two t10k files it has no test split.

    Large plain files stay on the disk, the others are held in memory.

    Raises DataError on a missing, malformed, truncated or overlong file.
    """
    files = idx_files(folder)
    splits = {}
    for split, pair in SPLITS.items():
        if split == "test" and not any(file in files for file in pair):
            continue
        for file in pair:
            if file not in files:
                raise refuse(folder, f"the file {file} or {file}.gz", "a folder without it")
        images, labels = (files[file] for file in pair)
        pixels = read_idx(images, IMAGES)
        numbers = hold_labels(pixels, read_idx(labels, LABELS), labels)
        splits[split] = RawSplit(pixels, numbers, str(images), str(labels))
    return assemble(name, splits["train"], splits.get("test"), **names)


def read_idx(path: Path, magic: int) -> Any:
    """Return the bytes of one IDX file, (N, H, W) for images and (N,) for labels; large ones are read when indexed.

    Raises DataError when magic, sizes and length of the file do not agree.
    """
    with open_unpacked(path) as (file, packed_bytes):
        return _read(path, file, magic, packed_bytes)


def _read(path: Path, file: Any, magic: int, packed_bytes: int | None) -> Any:
    axes = magic & 0xFF
    header = file.read(4 + 4 * axes)
    got = int.from_bytes(header[:4], "big")
    if len(header) < 4 or got != magic:
        hint = "images and labels are swapped" if len(header) >= 4 and got in {IMAGES, LABELS} else ""
        raise refuse(path, f"an IDX file that begins with {magic:08x}", header[:4].hex() or "nothing", hint)
    if len(header) < 4 + 4 * axes:
        raise refuse(path, f"an IDX header of {4 + 4 * axes} bytes", f"{len(header)}", "the file is truncated")
    shape = struct.unpack(f">{axes}I", header[4:])
    declared = 1
    for size in shape:
        declared *= size
    if declared == 0:
        raise refuse(path, "at least one image or label", f"shape {shape}")
    if packed_bytes is None:
        stored = os.fstat(file.fileno()).st_size - len(header)
        if stored != declared:
            raise refuse(path, f"{declared} bytes for shape {shape}", f"{stored}", _hint(stored, declared))
        return read_stored(path, file, np.dtype(np.uint8), shape)
    require_affordable(path, declared * (LABEL_BYTES if axes == 1 else 1), packed_bytes)
    values = np.empty(declared, np.uint8)
    filled = _fill(file, values.data)
    if filled < declared or file.read(1):
        got_bytes = str(filled) if filled < declared else "more"
        raise refuse(path, f"{declared} bytes for shape {shape}", got_bytes, _hint(filled, declared))
    return values.reshape(shape)


def _fill(file: Any, target: memoryview) -> int:
    """Read into the memory until it is full or the file ends; return the number of bytes."""
    filled = 0
    while filled < len(target):
        count = file.readinto(target[filled : filled + (1 << 20)])
        if not count:
            break
        filled += count
    return filled


def _hint(got: int, declared: int) -> str:
    return "the file is truncated: download it again" if got < declared else "something was appended to the file"
