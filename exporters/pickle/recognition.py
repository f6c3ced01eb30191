"""How pickles begin, plain or compressed."""

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cnnkit.files.regular_file import open_regular

# Protocols 0 and 1 have no mark: a dictionary, list, tuple or object, and the place that it gets in the memo.
_OLD = re.compile(
    rb"\((?:[dl]p?\d*\n|i[\w.]+\n\w+\n)"
    rb"|\(?c(?:numpy|copy_reg|copyreg|collections|__builtin__|torch|sklearn)[\w.]*\n\w+\n"
    rb"|\(?[}\]]q[\0-\x1f]"
)
_LONGEST = 1024
_HEAD = 1 << 20  # bytes that are enough to unpack the first of a compressed file


class Packing(NamedTuple):
    """A way of compressing, and the command that undoes it; FILE stands for the path."""

    name: str
    command: str


_PACKINGS: tuple[tuple[bytes, Callable[[bytes], bytes], Packing], ...] = (
    (
        b"\x1f\x8b",
        lambda head: zlib.decompressobj(31).decompress(head, _LONGEST),
        Packing("gzip", "gunzip --stdout FILE > weights.pkl"),
    ),
    (
        b"\x78",
        lambda head: zlib.decompressobj().decompress(head, _LONGEST),
        Packing(
            "zlib, as by joblib",
            "python -c \"import sys, zlib; sys.stdout.buffer.write(zlib.decompress(open(sys.argv[1], 'rb').read()))\""
            " FILE > weights.pkl",
        ),
    ),
    (
        b"BZh",
        lambda head: bz2.BZ2Decompressor().decompress(head, _LONGEST),
        Packing("bzip2", "bunzip2 --stdout FILE > weights.pkl"),
    ),
    (
        b"\xfd7zXZ",
        lambda head: lzma.LZMADecompressor(memlimit=64 << 20).decompress(head, _LONGEST),
        Packing("xz", "xz --decompress --stdout FILE > weights.pkl"),
    ),
    (
        b"\x5d\0\0",
        lambda head: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=64 << 20).decompress(head, _LONGEST),
        Packing("lzma", "xz --format=lzma --decompress --stdout FILE > weights.pkl"),
    ),
)


def is_pickle(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a pickle, of any protocol."""
    return (head[:1] == b"\x80" and head[1:2] in {b"\2", b"\3", b"\4", b"\5"}) or _OLD.match(head) is not None


def find_compression(path: Path, head: bytes) -> Packing | None:
    """Return how the pickle at `path` is compressed, which begins with `head`; None for anything else."""
    for mark, unpack, packing in _PACKINGS:
        if head.startswith(mark):
            try:
                with open_regular(path) as stream:  # bzip2 and xz unpack nothing before a block is complete
                    return packing if is_pickle(unpack(stream.read(_HEAD))) else None
            except (OSError, zlib.error, lzma.LZMAError, EOFError):
                return None
    return None
