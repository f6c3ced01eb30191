"""Damage to the structures of an HDF5 file: loops, lies about sizes, addresses that lead elsewhere."""

from collections.abc import Callable
from typing import NamedTuple

from hostile.hdf5_bytes import UNDEFINED, find_all, find_messages, put, put_summed

Change = Callable[[bytearray], None]
_GROUP, _CHUNKS = 0, 1


class Damage(NamedTuple):
    """name, what is wrong, whether the file is of the newer layout (checksums in headers), the change."""

    name: str
    about: str
    modern: bool
    change: Change


def _trees(data: bytearray, kind: int) -> list[int]:
    return [place for place in find_all(data, b"TREE") if data[place + 4] == kind]


def _self_child(kind: int, key: int) -> Change:
    def change(data: bytearray) -> None:
        for place in _trees(data, kind):
            data[place + 5] = 1  # a level above the leaves
            put(data, place + 24 + key, place)

    return change


def _sibling_loop(kind: int, length: int) -> Change:
    def change(data: bytearray) -> None:
        ring = _trees(data, kind)[:length]
        for node, after in zip(ring, ring[1:] + ring[:1], strict=True):
            put(data, node + 8, after)
            put(data, node + 16, after)

    return change


def _in_trees(kind: int, offset: int, value: int, size: int) -> Change:
    def change(data: bytearray) -> None:
        for place in _trees(data, kind):
            put(data, place + offset, value, size)

    return change


def _at(mark: bytes, offset: int, value: int, size: int = 8) -> Change:
    def change(data: bytearray) -> None:
        for place in find_all(data, mark):
            put(data, place + offset, value, size)

    return change


def _summed(mark: bytes, offset: int, value: int, size: int = 8) -> Change:
    return lambda data: put_summed(data, mark, offset, value, size)


def _to_itself(mark: bytes, offset: int) -> Change:
    return lambda data: put_summed(data, mark, offset, find_all(data, mark)[0])


def _message(kind: int, least: int, offset: int, value: int, size: int = 8) -> Change:
    def change(data: bytearray) -> None:
        for place in find_messages(data, kind, least):
            put(data, place + offset, value, size)

    return change


def _free_list_loop(data: bytearray) -> None:
    """The first free block of each local heap names itself as the next one."""
    for heap in find_all(data, b"HEAP"):
        segment = int.from_bytes(data[heap + 24 : heap + 32], "little")
        put(data, heap + 16, 8)
        put(data, segment + 8, 8)
        put(data, segment + 16, 16)


def _continue_here(data: bytearray) -> None:
    """A message that continues the header leads back to itself."""
    for place in find_messages(data, 0x10, 16):
        put(data, place, place - 8)
        put(data, place + 8, 24)


def _share_itself(data: bytearray) -> None:
    """The element type is said to be shared: it lies in the header that says so."""
    for place in find_messages(data, 3, 16):
        data[place - 4] |= 2
        put(data, place, 0x0201, 2)
        put(data, place + 2, place - 8 - 16)


def _swap_root(data: bytearray) -> None:
    put(data, 64, find_all(data, b"TREE")[0])


def _driver(name: bytes) -> Change:
    """The superblock names a driver that keeps parts of the file in other files."""

    def change(data: bytearray) -> None:
        put(data, 48, len(data))
        data += b"\0" * 4 + (96).to_bytes(4, "little") + name + b"\1\2\3\4\5\6\0\0" + b"/etc/passwd\0".ljust(88, b"\0")
        put(data, 40, len(data))

    return change


DAMAGES = (
    Damage("tree_self_child", "a node of a group's B-tree is its own child", False, _self_child(_GROUP, 8)),
    Damage("tree_sibling", "a node of a group's B-tree is its own neighbour", False, _sibling_loop(_GROUP, 1)),
    Damage("tree_sibling_ring", "three nodes of B-trees follow each other in a circle", False,
           _sibling_loop(_GROUP, 3)),
    Damage("tree_entries", "a node of a B-tree has 65,535 entries", False, _in_trees(_GROUP, 6, 0xFFFF, 2)),
    Damage("tree_level", "a B-tree of 255 levels", False, _in_trees(_GROUP, 5, 0xFF, 1)),
    Damage("chunks_self_child", "a node of a chunk index is its own child", False, _self_child(_CHUNKS, 32)),
    Damage("chunks_sibling", "a node of a chunk index is its own neighbour", False, _sibling_loop(_CHUNKS, 1)),
    Damage("chunks_size", "chunks of 4 GiB each, says the index", False, _in_trees(_CHUNKS, 24, 0xFFFFFFFF, 4)),
    Damage("chunks_mask", "chunks to which no filter was applied, says the index", False,
           _in_trees(_CHUNKS, 28, 0xFFFFFFFF, 4)),
    Damage("chunks_place", "a chunk far behind the end of the file", False, _in_trees(_CHUNKS, 48, 1 << 50, 8)),
    Damage("table_entries", "a symbol table of 65,535 entries", False, _at(b"SNOD", 6, 0xFFFF, 2)),
    Damage("table_loop", "each link leads to the root again", False, _at(b"SNOD", 16, 96)),
    Damage("table_cached_link", "a link is said to be soft, its text in no heap", False, _at(b"SNOD", 24, 2, 4)),
    Damage("heap_size", "a local heap of 8 GiB", False, _at(b"HEAP", 8, 1 << 33)),
    Damage("heap_size_below", "a local heap of 1.5 GiB", False, _at(b"HEAP", 8, 3 << 29)),
    Damage("heap_free", "a free list of a local heap without an end", False, _free_list_loop),
    Damage("heap_place", "a local heap outside the file", False, _at(b"HEAP", 24, 1 << 40)),
    Damage("texts_size", "a global heap of 4 GiB", False, _at(b"GCOL", 8, 1 << 32)),
    Damage("texts_object", "a text of 2 GiB in a global heap", False, _at(b"GCOL", 24, 1 << 31)),
    Damage("texts_empty", "objects of a global heap without a size", False, _at(b"GCOL", 24, 0)),
    Damage("continued_for_ever", "a header that continues in itself", False, _continue_here),
    Damage("continued_elsewhere", "a header that continues behind the file", False, _message(0x10, 16, 0, 1 << 44)),
    Damage("space_extents", "extents of 2^63 - 1 each", False, _message(1, 16, 8, (1 << 63) - 1)),
    Damage("space_negative", "extents of -1", False, _message(1, 16, 8, -1)),
    Damage("space_zero", "extents of 0", False, _message(1, 16, 8, 0)),
    Damage("space_axes", "255 axes", False, _message(1, 16, 1, 255, 1)),
    Damage("type_size", "elements of 4 GiB", False, _message(3, 8, 4, 0xFFFFFFFF, 4)),
    Damage("type_class", "an element class that does not exist", False, _message(3, 8, 0, 0x1F, 1)),
    Damage("type_shared", "an element type that is shared with itself", False, _share_itself),
    Damage("layout_place", "values behind the end of the file", False, _message(8, 16, 2, 1 << 45)),
    Damage("layout_class", "a layout that does not exist", False, _message(8, 16, 1, 9, 1)),
    Damage("fill_size", "a fill value of 2 GiB", False, _message(5, 8, 4, 0x7FFFFFFF, 4)),
    Damage("filters_count", "255 filters", False, _message(11, 8, 1, 255, 1)),
    Damage("filter_unknown", "a filter that is a plug-in", False, _message(11, 8, 8, 32015, 2)),
    Damage("version", "version 9 of the superblock", False, lambda data: put(data, 8, 9, 1)),
    Damage("offset_bytes", "addresses of three bytes", False, lambda data: put(data, 13, 3, 1)),
    Damage("base", "addresses counted from the end", False, lambda data: put(data, 24, len(data))),
    Damage("end", "an end at 2^60", False, lambda data: put(data, 40, 1 << 60)),
    Damage("root_itself", "the root is the superblock", False, lambda data: put(data, 64, 0)),
    Damage("root_tree", "the root is a node of a B-tree", False, _swap_root),
    Damage("driver_family", "a file in parts, which lie in other files", False, _driver(b"NCSAfami")),
    Damage("driver_multi", "a file whose parts lie in other files by kind", False, _driver(b"NCSAmult")),
    Damage("tree2_itself", "the root of a B-tree of version 2 is its header", True, _to_itself(b"BTHD", 16)),
    Damage("tree2_depth", "a B-tree of 65,535 levels", True, _summed(b"BTHD", 12, 0xFFFF, 2)),
    Damage("tree2_node", "nodes of 4 GiB", True, _summed(b"BTHD", 6, 0xFFFFFFFF, 4)),
    Damage("tree2_records", "2^63 records", True, _summed(b"BTHD", 26, 1 << 63)),
    Damage("heap2_itself", "the root block of a fractal heap is its header", True, _to_itself(b"FRHP", 132)),
    Damage("heap2_block", "a fractal heap of blocks of 2^40 bytes", True, _summed(b"FRHP", 112, 1 << 40)),
    Damage("heap2_width", "a fractal heap with 32,768 blocks a row", True, _summed(b"FRHP", 110, 0x8000, 2)),
    Damage("heap2_rows", "a fractal heap of 65,535 rows", True, _summed(b"FRHP", 140, 0xFFFF, 2)),
    Damage("heap2_object", "a fractal heap with objects of 4 GiB", True, _summed(b"FRHP", 10, 0xFFFFFFFF, 4)),
    Damage("array_elements", "a chunk index of 2^60 elements", True, _summed(b"FAHD", 8, 1 << 60)),
    Damage("array_itself", "the elements of a chunk index are its header", True, _to_itself(b"FAHD", 16)),
    Damage("growing_itself", "the index block of a chunk index is its header", True, _to_itself(b"EAHD", 60)),
    Damage("growing_elements", "a growing chunk index of 255 elements in its first block", True,
           _summed(b"EAHD", 8, 0xFF, 1)),
    Damage("extension_itself", "the superblock extends itself", True, _summed(b"\x89HDF", 20, 0)),
    Damage("root2_undefined", "no root at all", True, _summed(b"\x89HDF", 36, UNDEFINED)),
    Damage("root2_itself", "the root is the superblock, newer layout", True, _summed(b"\x89HDF", 36, 0)),
)  # fmt: skip
