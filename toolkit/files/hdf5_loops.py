"""Finds lists of nodes without an end in an HDF5 file: libhdf5 would follow them for ever, deaf to Ctrl-C.

A node of a B-tree of version 1 (HDF5 File Format Specification, III.A.1) begins with "TREE", its type, level and
number of entries in four bytes, then the addresses of its left and right sibling.
"""

import mmap
import os
import struct
from pathlib import Path

from cnnkit.files.unsafe_file import UnsafeFileError

_MARK = b"TREE"
_SIBLINGS = struct.Struct("<QQ")


def refuse_loops(path: str | Path) -> None:
    """Raise UnsafeFileError where the siblings of a node lead back to one of them; the file is scanned once."""
    if not os.path.getsize(path):
        return
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        nodes = _find_nodes(content)
    for side in (0, 1):
        ended: set[int] = set()
        for start in nodes:
            way: set[int] = set()
            node = start
            while node in nodes and node not in ended:
                if node in way:
                    raise UnsafeFileError("damaged HDF5 file: its B-tree nodes follow each other in a circle")
                way.add(node)
                node = nodes[node][side]
            ended |= way


def _find_nodes(content: mmap.mmap) -> dict[int, tuple[int, int]]:
    """Return {address: (left, right)}; a mark among the values of a tensor makes no circle but by intent."""
    nodes: dict[int, tuple[int, int]] = {}
    place = content.find(_MARK)
    while place >= 0:
        if place + 8 + _SIBLINGS.size <= len(content):
            nodes[place] = _SIBLINGS.unpack_from(content, place + 8)
        place = content.find(_MARK, place + 1)
    return nodes
